namespace Hookway.Deliveries.Ownership;

/// <summary>
/// Which targets this node delivers to. A target is one node's at a time, so that its order, rate, circuit and places need no further locks: on the embedded store the one
/// node has all of them, on PostgreSQL nodes share them.
/// </summary>
public interface ITargetOwnership
{
    /// <summary>The number under which the node has what it has; another one once it has lost it.</summary>
    long Epoch { get; }

    /// <summary>Takes up what waits in the store, and from then on what comes.</summary>
    Task Start();

    /// <summary>Lets go of everything. Nothing may be under way.</summary>
    Task Stop();
}
