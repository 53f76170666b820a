namespace Hookway.Deliveries;

/// <summary>What the engine needs to know of a target to schedule it; how to reach it is known to the <see cref="IDeliverySource"/>.</summary>
/// <param name="No">The target's number in the store.</param>
/// <param name="Ended">Set when nothing may be delivered to it any more, with what to say of its pending deliveries.</param>
/// <param name="Paused">Deliveries wait until it is resumed.</param>
/// <param name="Ordered">One at a time, in acceptance order; a failing head holds the rest.</param>
/// <param name="RateLimitPerMinute">Most attempts a minute, evenly spaced; null for no limit.</param>
/// <param name="RetryMaxAttempts">1 to 20 attempts in a run.</param>
/// <param name="RetryBackoffSeconds">The first delay; the others scale with it.</param>
/// <param name="IsFailing">Its circuit is open (<see cref="TargetCircuit"/>).</param>
public sealed record DeliveryTarget(
    long No, DeliveryChange? Ended, bool Paused, bool Ordered, int? RateLimitPerMinute, int RetryMaxAttempts, int RetryBackoffSeconds, bool IsFailing)
{
    /// <summary>The first number of a destination. Those of endpoints are below it: a target has one number, whichever half it is of.</summary>
    public const long FirstDestinationNo = 1_000_000_000_000;

    /// <summary>What the view of a target depends on.</summary>
    public static string Subject(long no) => SubjectPrefix + no.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The target a subject names, when it is one.</summary>
    public static bool TryParseSubject(string subject, out long no)
    {
        no = 0;
        return subject.StartsWith(SubjectPrefix, StringComparison.Ordinal)
            && long.TryParse(subject.AsSpan(SubjectPrefix.Length), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out no);
    }

    private const string SubjectPrefix = "target:";
}

/// <summary>One delivery that is not over, as the engine holds it in memory: its place in the store and how far its present run has come.</summary>
/// <param name="MessageSeq">The accepted item's sequence.</param>
/// <param name="TargetNo">Where it goes.</param>
/// <param name="Run">Which run of attempts this is; a replay starts a new one.</param>
/// <param name="Trigger">What started the run.</param>
/// <param name="RunAttempts">Attempts already made in this run.</param>
/// <param name="AttemptCount">Attempts already made in all runs.</param>
/// <param name="Content">What to send, when it is still in memory from the accept; null when it is to be read.</param>
/// <param name="ContentBytes">The memory that <paramref name="Content"/> takes, about.</param>
public sealed record PendingDelivery(
    long MessageSeq, long TargetNo, int Run, DeliveryTrigger Trigger, int RunAttempts, int AttemptCount, object? Content = null, int ContentBytes = 0);
