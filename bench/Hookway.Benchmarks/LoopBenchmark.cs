namespace Hookway.Benchmarks;

/// <summary>
/// The whole loop, from the request that sends a message to the first byte of its delivery at the receiver: at a light load, closed loop, and the highest rate
/// that can be sustained.
/// </summary>
public sealed class LoopBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const double LightRate = 100;
    private const int ClosedConnections = 64;
    private const int MostPerSecond = 30_000;
    private const int MostHolds = 4;
    private const double HoldStepDown = 0.93;
    private static readonly TimeSpan GrowthAllowed = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BacklogAllowed = TimeSpan.FromMilliseconds(250);

    private readonly List<LoopFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var longest = new[] { options.WarmUp, options.LightLoad, options.SearchStep, options.Hold, options.Phase }.Max();
        var log = new MessageLog((int)Math.Min(longest.TotalSeconds * MostPerSecond, 2_000_000));
        using var receiver = new Receiver(log);
        await using var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver);

        progress("loop, warming up");
        await hookway.WarmUp(log, options.WarmUp);

        var light = await Open("light load", hookway, log, LightRate, options.LightLoad);
        var closed = await Closed(hookway, log);
        var sustained = await Search(hookway, log, closed.Delivered);
        var held = options.Hold > TimeSpan.Zero ? await Hold(hookway, log, sustained) : null;
        return ToSection(light, sustained, held);
    }

    private async Task<LoopFigure> Closed(HookwayUnderTest hookway, MessageLog log)
    {
        progress($"loop, closed at {ClosedConnections} connections");
        hookway.Ledger.Begin();
        var cpu = hookway.Process.CpuMicroseconds;
        var took = await LoadGenerator.Closed(hookway.Target, log, ClosedConnections, options.Phase, delivers: true, untilDelivered: true);
        return await Note(new LoopFigure
        {
            Phase = $"closed loop, {ClosedConnections} connections",
            Seconds = took.TotalSeconds,
            Delivered = log.Delivered / took.TotalSeconds,
        }, hookway, log, cpu);
    }

    private async Task<LoopFigure> Open(string phase, HookwayUnderTest hookway, MessageLog log, double rate, TimeSpan length)
    {
        progress($"loop, {phase}: {rate:N0} messages/s for {length.TotalSeconds} s");
        hookway.Ledger.Begin();
        var cpu = hookway.Process.CpuMicroseconds;
        var (backlog, delivered) = await LoadGenerator.Open(hookway.Target, log, rate, length);
        var third = backlog.Count / 3;
        return await Note(new LoopFigure
        {
            Phase = phase,
            Seconds = length.TotalSeconds,
            Offered = rate,
            Delivered = delivered,
            MiddleBacklog = backlog.Skip(third).Take(third).Average(),
            LastBacklog = backlog.Skip(backlog.Count - third).Average(),
        }, hookway, log, cpu);
    }

    private async Task<LoopFigure> Note(LoopFigure figure, HookwayUnderTest hookway, MessageLog log, double cpuBefore)
    {
        var drain = await hookway.Ledger.Drain();
        var noted = figure with
        {
            Accepting = log.Accepting(),
            Delivering = log.Delivering(),
            GeneratorLate = log.Sending(),
            DrainSeconds = drain.TotalSeconds,
            CpuMicroseconds = (hookway.Process.CpuMicroseconds - cpuBefore) / Math.Max(log.Delivered, 1),
        };
        _figures.Add(noted);
        _ledger.Add(hookway.Ledger.Close($"{noted.Phase}{(noted.Offered is { } rate ? $" at {rate:N0}" : "")}", delivers: true));
        return noted;
    }

    /// <summary>Steps up from half of what the closed loop did until a rate is not sustained, then halves the gap; a step that fails is tried once more.</summary>
    private async Task<double> Search(HookwayUnderTest hookway, MessageLog log, double closedRate)
    {
        var (good, bad) = (0.0, 0.0);
        for (var rate = closedRate / 2; bad == 0; rate *= options.SearchStepUp)
        {
            (good, bad) = await IsSustained(hookway, log, rate) ? (rate, 0) : (good, rate);
        }
        for (var i = 0; i < options.SearchRefinements; i++)
        {
            var rate = (good + bad) / 2;
            (good, bad) = await IsSustained(hookway, log, rate) ? (rate, bad) : (good, rate);
        }
        return good;
    }

    private async Task<bool> IsSustained(HookwayUnderTest hookway, MessageLog log, double rate) =>
        Sustained(await Open("search", hookway, log, rate, options.SearchStep))
        || Sustained(await Open("search, again", hookway, log, rate, options.SearchStep));

    /// <summary>Holds the rate that was found for a minute, and a little less where that is too much.</summary>
    private async Task<LoopFigure?> Hold(HookwayUnderTest hookway, MessageLog log, double rate)
    {
        for (var i = 0; i < MostHolds; i++, rate *= HoldStepDown)
        {
            var held = await Open("held", hookway, log, rate, options.Hold);
            if (Sustained(held))
            {
                return held;
            }
        }
        return null;
    }

    /// <summary>The rule: from the middle to the last third of a step the backlog grows by no more than 100 ms worth of arrivals, and ends at no more than 250 ms worth.</summary>
    private static bool Sustained(LoopFigure step) =>
        step.LastBacklog - step.MiddleBacklog <= step.Offered * GrowthAllowed.TotalSeconds
        && step.LastBacklog <= step.Offered * BacklogAllowed.TotalSeconds;

    private Section ToSection(LoopFigure light, double sustained, LoopFigure? held) => new(
        "Whole loop",
        "From the scheduled time of the request (closed loop: from its start) to the first byte at the receiver, which answers at once and lives in the generator's process. " +
        $"Open loop over {LoadGenerator.OpenLoopConnections} connections with exponential gaps; {options.Targets} recipients in turn, one endpoint each. A rate is sustained when the backlog " +
        "(arrivals due less messages received) grows from the middle to the last third of the step by at most 100 ms worth of arrivals, and is at most 250 ms worth in the last third; " +
        $"a step that fails is tried once more. Highest sustained: **{sustained:N0} messages/s** in steps of {options.SearchStep.TotalSeconds} s" +
        (options.Hold == TimeSpan.Zero ? "." : held is null
            ? $"; nothing down to {Math.Pow(HoldStepDown, MostHolds - 1):P0} of it over {options.Hold.TotalSeconds} s."
            : $", **{held.Offered:N0} messages/s** over {options.Hold.TotalSeconds} s."),
        ["", "offered/s", "delivered/s", "p50 ms", "p99 ms", "accept p50", "accept p99", "generator late p99", "backlog middle → last third", "drained s", "server CPU µs/delivered", "sustained"],
        [.. _figures.Select(figure => (IReadOnlyList<string>)
        [
            figure.Phase, figure.Offered is { } rate ? $"{rate:N0}" : "–", $"{figure.Delivered:N0}", $"{figure.Delivering.P50:F2}", $"{figure.Delivering.P99:F2}",
            $"{figure.Accepting.P50:F2}", $"{figure.Accepting.P99:F2}", $"{figure.GeneratorLate.P99:F2}",
            figure.Offered is null ? "–" : $"{figure.MiddleBacklog:N0} → {figure.LastBacklog:N0}", $"{figure.DrainSeconds:F2}", $"{figure.CpuMicroseconds:F0}",
            figure.Offered is null ? "–" : Sustained(figure) ? "yes" : "no",
        ])],
        _figures, _ledger,
        [
            new Goal("light load, p50", $"{light.Delivering.P50:F2} ms", "≤ 3 ms", light.Delivering.P50 <= 3),
            new Goal("light load, p99", $"{light.Delivering.P99:F2} ms", "≤ 12 ms", light.Delivering.P99 <= 12),
        ]);
}

/// <summary>One phase of the loop.</summary>
public sealed record LoopFigure
{
    private static readonly Latency None = new(0, 0, 0);

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

    /// <summary>CPU time of the server's process for each message delivered.</summary>
    public double CpuMicroseconds { get; init; }
}
