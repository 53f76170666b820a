using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Anomalies;

/// <summary>What an event begins to wait for, or what it ends, by one rule of its vendor.</summary>
/// <param name="Entity">What both events are about.</param>
/// <param name="Begins">It begins; else it ends.</param>
/// <param name="From">The time from which the wait counts, where the event names one.</param>
public sealed record FollowUp(GapRule Rule, string Entity, bool Begins, DateTimeOffset? From)
{
    /// <summary>Whether the rules of a vendor may say anything of events of this type.</summary>
    public static bool MayConcern(VendorPreset preset, string? type) => preset.Rules.Any(rule =>
        rule.Kind is GapRuleKind.Sequence || (rule.Kind is GapRuleKind.Expect && type is not null && (Matches(rule.After, type) || Matches(rule.Until, type))))
        || (preset.Rules.Count > 0 && preset.EventType.Any(template => template.Sources.Any(source => source.IsList)));

    /// <summary>What a request ends and begins, in this order: what begins a wait does not end it. One that holds several events counts as these.</summary>
    public static IReadOnlyList<FollowUp> Of(VendorPreset preset, VendorRequest request)
    {
        var found = new List<FollowUp>();
        if (preset.EventType.FirstOrDefault(template => Enumerable.Range(0, template.ItemsIn(request)).Any(item => !string.IsNullOrWhiteSpace(template.ForItem(request, item)))) is not { } types)
        {
            return found;
        }
        for (var item = 0; item < types.ItemsIn(request); item++)
        {
            if (types.ForItem(request, item) is { } type && !string.IsNullOrWhiteSpace(type))
            {
                Add(found, preset, request, item, EventFacts.Kept(type));
            }
        }
        return found;
    }

    /// <summary>Whether a type is one of these; <c>invoice.*</c> is all that begin so.</summary>
    public static bool Matches(IReadOnlyList<string> types, string type)
    {
        foreach (var pattern in types)
        {
            if (pattern.EndsWith('*') ? type.StartsWith(pattern[..^1], StringComparison.Ordinal) : type == pattern)
            {
                return true;
            }
        }
        return false;
    }

    private static void Add(List<FollowUp> found, VendorPreset preset, VendorRequest request, int item, string type)
    {
        foreach (var rule in preset.Rules)
        {
            if (rule.Kind is not GapRuleKind.Expect)
            {
                continue;
            }
            if (Matches(rule.Until, type) && rule.UntilWhere.All(condition => condition.Holds(request))
                && Value(rule.UntilEntity is { Count: > 0 } own ? own : preset.EntityKey, request, item) is { } ended)
            {
                found.Add(new FollowUp(rule, ended, false, null));
            }
            if (Matches(rule.After, type) && rule.Where.All(condition => condition.Holds(request))
                && Value(rule.Entity is { Count: > 0 } others ? others : preset.EntityKey, request, item) is { } begun
                && (rule.From?.For(request) is { } text ? Timestamps.Lenient(text) : null) is var from && (from is not null || rule.From is null))
            {
                found.Add(new FollowUp(rule, begun, true, from));
            }
        }
    }

    private static string? Value(IReadOnlyList<ValueTemplate> templates, VendorRequest request, int item)
    {
        foreach (var template in templates)
        {
            if (template.ForItem(request, item) is { } text && !string.IsNullOrWhiteSpace(text))
            {
                return EventFacts.Kept(text);
            }
        }
        return null;
    }
}
