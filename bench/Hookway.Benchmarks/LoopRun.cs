using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>Drives one subject through the phases of the loop and keeps its figures and books.</summary>
public sealed class LoopRun(Subject subject, MessageLog log, BenchmarkOptions options, Action<string> progress)
{
    private const double LightRate = 100;
    private const int ClosedConnections = 64;
    private const int MostHolds = 4;
    private const double FirstStep = 0.6;
    private const double HoldStepDown = 0.93;
    private static readonly TimeSpan GrowthAllowed = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BacklogAllowed = TimeSpan.FromMilliseconds(250);

    public List<LoopFigure> Figures { get; } = [];

    public List<LedgerEntry> Books { get; } = [];

    public Task<LoopFigure> Light() => Open("light load", LightRate, options.LightLoad);

    /// <summary>Each of the connections sends when the message before has been received.</summary>
    public async Task<LoopFigure> Closed()
    {
        progress($"{subject.Name}: closed at {ClosedConnections} connections");
        subject.Ledger.Begin();
        var cpu = subject.CpuMicroseconds;
        var took = await LoadGenerator.Closed(subject.Target, log, ClosedConnections, options.Phase, delivers: true, untilDelivered: true);
        return await Note(new LoopFigure
        {
            Subject = subject.Name,
            Phase = $"closed loop, {ClosedConnections} connections",
            Seconds = took.TotalSeconds,
            Delivered = log.Delivered / took.TotalSeconds,
        }, cpu);
    }

    /// <summary>Steps up until a rate is not sustained, then halves the gap; a step that fails is tried once more. Answers the highest that was; zero when none was.</summary>
    public async Task<double> Search(double closedRate)
    {
        var (good, bad) = (0.0, 0.0);
        for (var rate = closedRate * FirstStep; bad == 0; rate *= options.SearchStepUp)
        {
            (good, bad) = await IsSustained(rate) ? (rate, 0) : (good, rate);
        }
        for (var i = 0; i < options.SearchRefinements; i++)
        {
            var rate = (good + bad) / 2;
            (good, bad) = await IsSustained(rate) ? (rate, bad) : (good, rate);
        }
        return good;
    }

    /// <summary>Holds a rate for a minute, and a little less where that is too much; null when nothing was held.</summary>
    public async Task<LoopFigure?> Hold(double rate)
    {
        for (var i = 0; i < MostHolds; i++, rate *= HoldStepDown)
        {
            var held = await Open("held", rate, options.Hold);
            if (Sustained(held))
            {
                return held;
            }
        }
        return null;
    }

    /// <summary>The rule: from the middle to the last third of a step the backlog grows by no more than 100 ms worth of arrivals, and ends at no more than 250 ms worth.</summary>
    public static bool Sustained(LoopFigure step) =>
        step.LastBacklog - step.MiddleBacklog <= step.Offered * GrowthAllowed.TotalSeconds
        && step.LastBacklog <= step.Offered * BacklogAllowed.TotalSeconds;

    private async Task<bool> IsSustained(double rate) =>
        Sustained(await Open("search", rate, options.SearchStep)) || Sustained(await Open("search, again", rate, options.SearchStep));

    private async Task<LoopFigure> Open(string phase, double rate, TimeSpan length)
    {
        progress($"{subject.Name}: {phase}, {rate:N0} messages/s for {length.TotalSeconds} s");
        subject.Ledger.Begin();
        var cpu = subject.CpuMicroseconds;
        var (backlog, delivered) = await LoadGenerator.Open(subject.Target, log, rate, length);
        var third = backlog.Count / 3;
        return await Note(new LoopFigure
        {
            Subject = subject.Name,
            Phase = phase,
            Seconds = length.TotalSeconds,
            Offered = rate,
            Delivered = delivered,
            MiddleBacklog = backlog.Skip(third).Take(third).Average(),
            LastBacklog = backlog.Skip(backlog.Count - third).Average(),
        }, cpu);
    }

    private async Task<LoopFigure> Note(LoopFigure figure, double cpuBefore)
    {
        var drain = await subject.Ledger.Drain();
        var noted = figure with
        {
            Accepting = log.Accepting(),
            Delivering = log.Delivering(),
            GeneratorLate = log.Sending(),
            DrainSeconds = drain.TotalSeconds,
            CpuMicroseconds = (subject.CpuMicroseconds - cpuBefore) / Math.Max(log.Delivered, 1),
        };
        Figures.Add(noted);
        Books.Add(subject.Ledger.Close($"{subject.Name}, {noted.Phase}{(noted.Offered is { } rate ? $" at {rate:N0}" : "")}", delivers: true));
        return noted;
    }
}
