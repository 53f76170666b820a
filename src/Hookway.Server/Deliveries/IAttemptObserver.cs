using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>
/// Sees what attempts came to, in the transaction that records them: what an observer writes is true exactly when they are. The health of targets is one; issues are another.
/// It is on the way of every outcome, so it must pass over what does not concern it without asking the store.
/// </summary>
public interface IAttemptObserver
{
    /// <summary>These attempts were just recorded.</summary>
    /// <param name="disable">Takes the target of an attempt out of service, which every observer then hears of.</param>
    Task Recorded(WriteSession session, ChangedSubjects touched, IReadOnlyList<AttemptRecord> records, DisableTarget disable);

    /// <summary>A target was taken out of service, because of its receiver's answer or by an observer.</summary>
    Task Disabled(WriteSession session, ChangedSubjects touched, AttemptRecord because, string reason);
}

/// <summary>Takes the target of an attempt out of service.</summary>
/// <param name="reason">A sentence for its owner.</param>
public delegate Task DisableTarget(AttemptRecord because, string reason);
