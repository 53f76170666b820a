namespace Hookway.Deliveries;

/// <summary>Sends an item on as a message of an app of Dispatch: what a destination that feeds an app does in place of a request. Throws only when the store is away.</summary>
public delegate Task<AttemptResult> FeedApp(FedItem item, CancellationToken cancel);

/// <summary>Whether a workspace has an app with this id, in use, as it is now.</summary>
public delegate ValueTask<bool> IsAppInUse(long workspaceNo, string appId);

/// <summary>An item that is to become a message.</summary>
/// <param name="ItemId">Its id, and the message's.</param>
/// <param name="Type">Null when it has none.</param>
/// <param name="Headers">Of the request that it came with, for the app's routing key.</param>
/// <param name="Data">JSON.</param>
/// <param name="Again">It is replayed: the message that it became is delivered again.</param>
public sealed record FedItem(
    long WorkspaceNo, string AppId, string ItemId, string? Type, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Data, bool Again);
