namespace Hookway.Benchmarks;

/// <summary>One phase of the loop.</summary>
public sealed record LoopFigure
{
    private static readonly Latency None = new(0, 0, 0);

    public required string Subject { get; init; }
    public required string Phase { get; init; }
    public required double Seconds { get; init; }

    /// <summary>Messages a second that the schedule asked for; null in a closed loop.</summary>
    public double? Offered { get; init; }

    /// <summary>Messages a second that the receiver had seen when the schedule, or the closed loop, ended.</summary>
    public required double Delivered { get; init; }

    public Latency Accepting { get; init; } = None;
    public Latency Delivering { get; init; } = None;

    /// <summary>By how much the generator itself was late, which the latencies include.</summary>
    public Latency GeneratorLate { get; init; } = None;

    /// <summary>The mean backlog in the middle third of the step.</summary>
    public double MiddleBacklog { get; init; }

    /// <summary>The mean backlog in the last third of the step.</summary>
    public double LastBacklog { get; init; }

    /// <summary>From the last answer until no delivery was pending.</summary>
    public double DrainSeconds { get; init; }

    /// <summary>CPU time of the subject's processes and its database's for each message delivered.</summary>
    public double CpuMicroseconds { get; init; }
}
