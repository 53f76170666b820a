namespace Hookway.Deliveries.Replays;

/// <summary>A request to deliver again, with how far it has come.</summary>
/// <param name="Kind">What was asked for: <c>message</c>.</param>
/// <param name="Filter">What it matched, as JSON.</param>
/// <param name="Matched">The deliveries it reopened.</param>
/// <param name="Canceled">Those that ended without another attempt, or that a later replay took over.</param>
/// <param name="FinishedAt">When its last delivery ended; null while it runs.</param>
public sealed record Replay(
    long No, string ReplayId, string Kind, string Filter, int Matched, int Succeeded, int Failed, int Canceled, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>running while a delivery of it is pending, then completed.</summary>
    public string Status => FinishedAt is null ? "running" : "completed";
}
