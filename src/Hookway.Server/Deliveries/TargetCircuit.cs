namespace Hookway.Deliveries;

/// <summary>
/// The open circuit of a target that fails: one delivery at a time, the oldest that is due, probes it, with a pause after each failure; the others wait, and use up none of
/// their attempts. A success closes it.
/// </summary>
/// <param name="FailingSince">The first failure since the last success.</param>
/// <param name="ProbeAt">Nothing is sent before.</param>
/// <param name="Pause">The pause that ends then.</param>
public sealed record TargetCircuit(DateTimeOffset FailingSince, DateTimeOffset ProbeAt, TimeSpan Pause)
{
    /// <summary>So many failures in a row open the circuit.</summary>
    public const int FailuresThatOpen = 5;

    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    /// <summary>A target without a success for so long is disabled, if it still fails all day long.</summary>
    public static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(5);

    /// <summary>"All day long": among the failures of one day there are two this far apart.</summary>
    public static readonly TimeSpan FailuresApart = TimeSpan.FromHours(12);

    public static TargetCircuit Opened(DateTimeOffset firstFailure, DateTimeOffset now) => new(firstFailure, now + FirstPause, FirstPause);

    public TargetCircuit AfterFailedProbe(DateTimeOffset now)
    {
        var pause = Pause * 2 < LongestPause ? Pause * 2 : LongestPause;
        return new(FailingSince, now + pause, pause);
    }
}

/// <summary>What an attempt does to the circuit of its target; recorded with the attempt.</summary>
/// <param name="Circuit">As it is now; the one that was closed, when it is closed.</param>
public sealed record CircuitChange(CircuitStep Step, TargetCircuit Circuit);

/// <summary>The ways in which a circuit changes.</summary>
public enum CircuitStep
{
    Opened,
    ProbeFailed,
    Closed,
}

/// <summary>The failures at the end of a target's attempts, as the store has them.</summary>
/// <param name="InARow">Counted up to the number that opens a circuit.</param>
/// <param name="Since">When the first of those ended; null when there are none.</param>
public readonly record struct RecentFailures(int InARow, DateTimeOffset? Since);
