namespace Hookway.Issues;

/// <summary>
/// Looks for what should be an issue, or is none any more: at deliveries, at the ledger, at the clock. One server at a time asks it. Each step must be safe to end
/// anywhere and to be done again, also by two servers at once: what a watcher has read it notes in the transaction in which it acts on it.
/// </summary>
public interface IWatcher
{
    /// <summary>Does what there is to do, or a part of it; true when the next part may follow at once.</summary>
    Task<bool> Step(DateTimeOffset now);
}
