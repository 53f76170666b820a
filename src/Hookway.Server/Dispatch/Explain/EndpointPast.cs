using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Dispatch.Explain;

/// <summary>What an endpoint was at earlier times, as the audit log has it: each entry shows the endpoint before and after a change.</summary>
internal sealed class EndpointPast
{
    /// <summary>The most changes that are looked at.</summary>
    public const int MostChanges = 100;

    /// <summary>A message may be dated a little before the change that it was judged by: it waited for its commit.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(1);

    private readonly WebhookEndpoint _now;
    private readonly List<(DateTimeOffset At, State? Before, State? After)> _changes;

    /// <param name="entries">Newest first.</param>
    public EndpointPast(WebhookEndpoint now, IEnumerable<AuditRecord> entries)
    {
        _now = now;
        _changes = [.. entries.Select(entry => (entry.At, Read(entry.Before), Read(entry.After)))];
    }

    /// <summary>When, and for what reason, it was disabled by the change that a message of this time met; null where that is not recorded any more.</summary>
    public (DateTimeOffset At, string? Reason)? DisabledAt(DateTimeOffset time) =>
        _changes.Find(change => change.At <= time + Slack && change is { Before.Enabled: true, After.Enabled: false }) is { After: { } after } found ? (found.At, after.DisabledReason) : null;

    /// <summary>When it was paused; null when it is not, or that is not recorded any more.</summary>
    public DateTimeOffset? PausedAt => _changes.Find(change => change is { Before.Paused: false, After.Paused: true }) is { After: not null } found ? found.At : null;

    /// <summary>When it was enabled again after a time; null when it was not.</summary>
    public DateTimeOffset? EnabledAfter(DateTimeOffset time) =>
        _changes.FindLast(change => change.At > time && change is { Before.Enabled: false, After.Enabled: true }) is { After: not null } found ? found.At : null;

    /// <summary>The types it took when a message of one that it did not take was accepted; null when that is not known any more.</summary>
    public IReadOnlyList<string>? EventTypesAt(DateTimeOffset time) => StateAt(time)?.EventTypes;

    /// <summary>What its filter asked for at a time.</summary>
    public IReadOnlyList<FilterCondition>? FilterAt(DateTimeOffset time) => StateAt(time)?.Filter;

    private State? StateAt(DateTimeOffset time) =>
        _changes.Find(change => change.At <= time) is { After: { } after } ? after
        : _changes.FindLast(change => change.At > time) is { Before: { } before } ? before
        : new State(_now.Settings.Enabled, _now.Settings.Paused, _now.DisabledReason, _now.Settings.EventTypes, _now.Settings.Filter?.Conditions);

    private static State? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<State>(json, Lenient);

    private static readonly JsonSerializerOptions Lenient = MakeLenient();

    private static JsonSerializerOptions MakeLenient()
    {
        var options = ApiJson.Configure(new JsonSerializerOptions());
        options.UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip;
        return options;
    }

    /// <summary>What of an endpoint, as the API shows it, decides what it gets.</summary>
    private sealed record State(bool Enabled, bool Paused, string? DisabledReason, IReadOnlyList<string>? EventTypes, IReadOnlyList<FilterCondition>? Filter);
}
