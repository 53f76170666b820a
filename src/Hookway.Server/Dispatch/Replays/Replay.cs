namespace Hookway.Dispatch.Replays;

/// <summary>A request to deliver again. How far it has come is counted from its deliveries.</summary>
/// <param name="Kind">What was asked for: <c>message</c>.</param>
/// <param name="Filter">What it matched, as JSON.</param>
/// <param name="Matched">The deliveries it reopened.</param>
public sealed record Replay(
    long No, string ReplayId, string Kind, string Filter, int Matched, int Pending, int Succeeded, int Failed, DateTimeOffset CreatedAt, DateTimeOffset? LastFinishedAt)
{
    /// <summary>running while a delivery of it is pending, then completed.</summary>
    public string Status => Pending > 0 ? "running" : "completed";

    /// <summary>When its last delivery ended; null while it runs.</summary>
    public DateTimeOffset? FinishedAt => Pending > 0 ? null : LastFinishedAt ?? CreatedAt;
}
