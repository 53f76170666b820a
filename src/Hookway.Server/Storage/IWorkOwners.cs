namespace Hookway.Storage;

/// <summary>
/// Where several nodes share a store: sees to it that somebody does the work that a transaction adds. Null in a session means that one node does all of it.
/// </summary>
public interface IWorkOwners
{
    /// <summary>
    /// In the transaction that gives work to targets: takes those that nobody has for this node, and tells the nodes that have the others once it is committed.
    /// </summary>
    Task Give(WriteSession session, IReadOnlyCollection<long> targets);

    /// <summary>In a transaction that takes work away from targets, or hastens it: what their nodes hold in memory is read again once it is committed.</summary>
    void Withdraw(WriteSession session, IReadOnlyCollection<long> targets);

    /// <summary>In a transaction that changes the configuration: sees to it that every node notices, and that somebody looks at what it changes.</summary>
    Task Reconfigure(WriteSession session, IEnumerable<string> subjects);
}

/// <summary>What a transaction of the writer carries beside its connection.</summary>
public abstract class TransactionScope
{
    private readonly List<Action> _whenCommitted = [];

    /// <summary>Who does the work that the transaction adds; null when that is this node in any case.</summary>
    public IWorkOwners? Owners { get; set; }

    /// <summary>Whether rows are locked by statements that ask for it; otherwise the whole store is, by each transaction.</summary>
    public virtual bool HasRowLocks => false;

    /// <summary>Does something on the writer after the commit, before anybody hears of it; nothing when there is no commit.</summary>
    public void WhenCommitted(Action action) => _whenCommitted.Add(action);

    internal void Begun() => _whenCommitted.Clear();

    internal void Committed()
    {
        foreach (var action in _whenCommitted)
        {
            action();
        }
        _whenCommitted.Clear();
    }
}
