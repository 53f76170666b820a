namespace Hookway.Deliveries.Replays;

/// <summary>Where a replay stands. The numbers are stored.</summary>
public enum ReplayState
{
    /// <summary>It still looks for what its filter matches, and queues it.</summary>
    Walking = 0,

    /// <summary>All is queued, and some of it is pending.</summary>
    Delivering = 1,

    Completed = 2,

    /// <summary>The walk could not go on; what was queued until then takes its course.</summary>
    Failed = 3,

    /// <summary>The walk is stopped, and what it queued is being canceled.</summary>
    Canceling = 4,

    Canceled = 5,
}

/// <summary>A request to deliver again, with how far it has come.</summary>
/// <param name="Kind">What was asked for (<see cref="ReplayKind"/>); it says which <see cref="IReplaySource"/> it walks over.</param>
/// <param name="Filter">What it is to match, as JSON.</param>
/// <param name="TargetNo">The one target that it is for; null when there may be several.</param>
/// <param name="Reason">Why it failed, as a stable code.</param>
/// <param name="Matched">What was found so far.</param>
/// <param name="Queued">The deliveries that were opened again, made, or made due now.</param>
/// <param name="Skipped">What matched and could not be queued: it has nothing left to send.</param>
/// <param name="Canceled">Queued ones that ended without another attempt, or that a later replay took over.</param>
/// <param name="WalkAfter">The sequence up to which the walk has come.</param>
/// <param name="WalkLast">The last sequence that it goes to.</param>
/// <param name="FinishedAt">When the walk was over and the last of what was queued had ended; null until then.</param>
public sealed record Replay(
    long No, string ReplayId, string Kind, string Filter, long? TargetNo, ReplayState State, string? Reason, int Matched, int Queued, int Skipped,
    int Succeeded, int Failed, int Canceled, long WalkAfter, long WalkLast, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    public long WorkspaceNo { get; init; }

    /// <summary>The reason of a replay whose steps failed again and again.</summary>
    public const string Fault = "internal_error";

    /// <summary>The words for the API, with the states they stand for.</summary>
    public static IReadOnlyDictionary<string, ReplayState[]> Statuses { get; } = new Dictionary<string, ReplayState[]>
    {
        ["running"] = [ReplayState.Walking, ReplayState.Delivering],
        ["completed"] = [ReplayState.Completed],
        ["failed"] = [ReplayState.Failed],
        ["canceled"] = [ReplayState.Canceling, ReplayState.Canceled],
    };

    /// <summary>running, completed, failed or canceled.</summary>
    public string Status => Statuses.First(status => status.Value.Contains(State)).Key;
}

/// <summary>What can be asked for.</summary>
public static class ReplayKind
{
    /// <summary>One message again; there is no walk.</summary>
    public const string Message = "message";

    /// <summary>What an endpoint did not get, or all that it got.</summary>
    public const string Endpoint = "endpoint";

    /// <summary>One event again; there is no walk.</summary>
    public const string Event = "event";

    /// <summary>The events that match a filter.</summary>
    public const string Events = "events";

    /// <summary>Those of Dispatch, and those of Ingest.</summary>
    public static IReadOnlyList<string> OfDispatch { get; } = [Message, Endpoint];

    public static IReadOnlyList<string> OfIngest { get; } = [Event, Events];
}

/// <summary>A replay that begins.</summary>
/// <param name="OwnerId">The public id of the app or source it belongs to.</param>
/// <param name="TargetId">The public id of the target, where it is for one.</param>
/// <param name="Recipient">Whose items it repeats, where they are one recipient's.</param>
/// <param name="WalkAfter">The walk begins behind this sequence.</param>
/// <param name="WalkLast">The last sequence of the walk; what is accepted later is not of this replay.</param>
public sealed record NewReplay(
    long WorkspaceNo, string ReplayId, string Kind, string Filter, string OwnerId, string? TargetId, long? TargetNo, string? Recipient, long WalkAfter, long WalkLast);

/// <summary>The replays that may be seen at all: those of a workspace or, with an owner and a recipient, theirs alone.</summary>
/// <param name="Kinds">Only those of these kinds; null for all.</param>
public sealed record ReplayScope(long WorkspaceNo, string? OwnerId = null, string? Recipient = null, IReadOnlyList<string>? Kinds = null)
{
    /// <summary>As a further condition; its parameters are <see cref="Values"/>.</summary>
    public string And => (Recipient is null ? "" : " AND owner_id = @onlyOwner AND recipient = @onlyRecipient")
        + (Kinds is null ? "" : $" AND kind IN ({string.Join(", ", Kinds.Select(kind => $"'{kind}'"))})");

    public object Values => new { workspaceNo = WorkspaceNo, onlyOwner = OwnerId, onlyRecipient = Recipient };
}

/// <summary>Which replays a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
public sealed record ReplayFilter(string? Kind, string? Status, string? OwnerId, string? TargetId, long? Since, long? Until);
