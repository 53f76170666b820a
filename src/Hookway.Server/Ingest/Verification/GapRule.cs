using System.Text.Json.Serialization;

namespace Hookway.Ingest.Verification;

/// <summary>What a vendor's events should look like among themselves; where they do not, something is late, missing or out of order.</summary>
public sealed record GapRule
{
    /// <summary>Numbered events overtake each other; one that is left out is missed only after a while.</summary>
    private static readonly TimeSpan GapGrace = TimeSpan.FromMinutes(5);

    /// <summary>Stable within the vendor.</summary>
    public required string Name { get; init; }

    public required GapRuleKind Kind { get; init; }

    /// <summary>What should hold, as a sentence.</summary>
    public required string Text { get; init; }

    /// <summary>Expect: the types that begin to wait; share: those that are all; <c>invoice.*</c> is a prefix.</summary>
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>Expect: what else must hold of the event that begins to wait.</summary>
    public IReadOnlyList<RuleCondition> Where { get; init; } = [];

    /// <summary>Share: the types that are a part of all. Expect: the types that end the waiting. The event that began it does not, even when its type is among them.</summary>
    public IReadOnlyList<string> Until { get; init; } = [];

    /// <summary>Expect: what else must hold of the event that ends it.</summary>
    public IReadOnlyList<RuleCondition> UntilWhere { get; init; } = [];

    /// <summary>Expect: how long it may take; below zero, how long before the time that the event names.</summary>
    public int WithinMinutes { get; init; }

    /// <summary>What a source itself says of how long it may take, or how long a number may be left out; null leaves the vendor's.</summary>
    [JsonIgnore]
    public TimeSpan? OwnTime { get; init; }

    /// <summary>How long is waited; null where nothing is waited for.</summary>
    [JsonIgnore]
    public TimeSpan? Within => OwnTime is { } own ? WithinMinutes < 0 ? -own : own : (Kind is GapRuleKind.Expect ? TimeSpan.FromMinutes(WithinMinutes) : Step is null ? null : GapGrace);

    /// <summary>Expect: the time from which that counts, which the event names: one that does not begins no wait. Null: the time of the event.</summary>
    public ValueTemplate? From { get; init; }

    /// <summary>Expect: where it is known how long a source usually takes, this share of all decides, such as 0.95; null: the time above.</summary>
    public double? UsualShare { get; init; }

    /// <summary>Expect: an event that ends the waiting may have come this long before.</summary>
    public int LookBackMinutes { get; init; }

    /// <summary>Expect: only of things of which what ends the waiting has come before, such as branches that are built.</summary>
    public bool IsHabit { get; init; }

    /// <summary>Expect: what the two events must have in common, in the first; empty: the entity key.</summary>
    public IReadOnlyList<ValueTemplate> Entity { get; init; } = [];

    /// <summary>Expect: the same in the second.</summary>
    public IReadOnlyList<ValueTemplate> UntilEntity { get; init; } = [];

    /// <summary>Share: it is more that would be wrong; else less.</summary>
    public bool IsRise { get; init; }

    /// <summary>Sequence: the number.</summary>
    public ValueTemplate? Sequence { get; init; }

    /// <summary>Sequence: the last number, for events that stand for several.</summary>
    public ValueTemplate? SequenceEnd { get; init; }

    /// <summary>Sequence: what is numbered; null: the whole source.</summary>
    public ValueTemplate? Scope { get; init; }

    /// <summary>Sequence: by how much the number grows; null: it only rises.</summary>
    public int? Step { get; init; }
}

/// <summary>What a rule is about.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GapRuleKind>))]
public enum GapRuleKind
{
    /// <summary>After one event another should come.</summary>
    [JsonStringEnumMemberName("expect")]
    Expect,

    /// <summary>Events are numbered.</summary>
    [JsonStringEnumMemberName("sequence")]
    Sequence,

    /// <summary>Some events (until) have a usual share in others (after), over a day.</summary>
    [JsonStringEnumMemberName("share")]
    Share,
}

/// <summary>What must hold of a value of an event; the one of these that is set.</summary>
/// <param name="At">Its place, such as <c>body:data.object.status</c>.</param>
/// <param name="Is">It is this.</param>
/// <param name="Not">It is not this, or not there.</param>
/// <param name="In">It is one of these.</param>
/// <param name="Over">It is a number above this.</param>
/// <param name="Exists">Whether it is there at all.</param>
public sealed record RuleCondition(string At, string? Is = null, string? Not = null, IReadOnlyList<string>? In = null, decimal? Over = null, bool? Exists = null)
{
    private readonly ValueSource _source = ValueSource.Parse(At);

    public bool Holds(VendorRequest request)
    {
        var value = _source.First(request);
        return (Is is null || value == Is)
            && (Not is null || value != Not)
            && (In is null || In.Contains(value))
            && (Over is null || (decimal.TryParse(value, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var number) && number > Over))
            && (Exists is null || _source.IsIn(request) == Exists);
    }
}
