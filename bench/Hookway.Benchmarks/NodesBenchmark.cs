using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>One node and three on PostgreSQL, on the same cores: what they carry, and how long the targets of one that is killed stand still.</summary>
public sealed class NodesBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Nodes = 3;
    private const int Connections = 128;
    private const int MostPerSecond = 40_000;
    private const double Rate = 500;
    private const double MostPause = 15_000;
    private static readonly TimeSpan UntilKill = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(20);

    private readonly List<NodesFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)Math.Max(Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond, Watched.TotalSeconds * Rate * 2));
        using var receiver = new Receiver(log);
        if (!PrivatePostgres.IsInstalled)
        {
            return ToSection(null);
        }
        await using var postgres = await PrivatePostgres.Start();
        progress("nodes, starting");
        await using var one = await HookwayUnderTest.Start(options.Targets, log, receiver, Store.Postgres, postgres);
        Latency pause;
        await using (var three = await Three(log, receiver, postgres))
        {
            progress("nodes, warming up");
            await one.WarmUp(log, options.WarmUp);
            await three.WarmUp(log, options.WarmUp);
            for (var round = 1; round <= options.Rounds; round++)
            {
                progress($"nodes, round {round} of {options.Rounds}");
                await Measure(one, log, round, 1);
                await Measure(three, log, round, Nodes);
            }
        }
        await using (var doomed = await Three(log, receiver, postgres))
        {
            pause = await Kill(doomed, log);
        }
        return ToSection(pause);
    }

    private async Task<HookwayUnderTest> Three(MessageLog log, Receiver receiver, PrivatePostgres postgres)
    {
        var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver, Store.Postgres, postgres);
        while (hookway.OtherNodes.Count < Nodes - 1)
        {
            await hookway.AddNode();
        }
        return hookway;
    }

    private async Task Measure(HookwayUnderTest hookway, MessageLog log, int round, int nodes)
    {
        hookway.Ledger.Begin();
        var (own, all) = (hookway.OwnCpuMicroseconds, hookway.CpuMicroseconds);
        var took = await LoadGenerator.Closed(hookway.Target, log, Connections, options.Phase, delivers: true, untilDelivered: true);
        var rate = log.Delivered / took.TotalSeconds;
        await hookway.Ledger.Drain();
        _figures.Add(new NodesFigure(
            nodes, round, rate, log.Delivering(), (hookway.OwnCpuMicroseconds - own) / log.Delivered, (hookway.CpuMicroseconds - all) / log.Delivered, log.Duplicates));
        _ledger.Add(hookway.Ledger.Close($"nodes, {nodes}, round {round}", delivers: true));
        await hookway.Settle();
    }

    /// <summary>All targets are the last node's, which is killed while the others accept for them.</summary>
    private async Task<Latency> Kill(HookwayUnderTest hookway, MessageLog log)
    {
        progress("nodes, one is killed");
        var doomed = hookway.OtherNodes[^1];
        hookway.SendToNodes(doomed);
        hookway.Ledger.Begin();
        await LoadGenerator.Closed(hookway.Target, log, options.Targets, options.Phase, delivers: true, untilDelivered: true);
        await hookway.Ledger.Drain();
        hookway.SendToNodes(hookway.Process, hookway.OtherNodes[0]);
        hookway.Ledger.Begin();
        var load = LoadGenerator.Open(hookway.Target, log, Rate, Watched);
        await Task.Delay(UntilKill);
        doomed.Kill();
        await load;
        await hookway.Ledger.Drain();
        _ledger.Add(hookway.Ledger.Close("nodes, one is killed", delivers: true));
        return log.Delivering();
    }

    private Section ToSection(Latency? pause) => new(
        "Nodes",
        $"One node and {Nodes} on PostgreSQL, each set on a database of its own, in turn; {Connections} connections spread over the nodes, each of which sends when the message before has been received, for " +
        $"{options.Phase.TotalSeconds} s; medians of {options.Rounds}. Then {Nodes} nodes, of which one has all targets and is killed while the others accept {Rate:N0} messages/s for them: the pause is the " +
        "longest time from when a message was due to be sent until the receiver had it.",
        ["", "messages/s", "p50 ms", "p99 ms", "CPU µs/message", "with database", "duplicates"],
        [.. _figures.GroupBy(figure => figure.Nodes).Select(figures => (IReadOnlyList<string>)
        [
            figures.Key == 1 ? "1 node" : $"{figures.Key} nodes", $"{Report.Median(figures.Select(figure => figure.Rate)):N0}", $"{Report.Median(figures.Select(figure => figure.Latency.P50)):F1}",
            $"{Report.Median(figures.Select(figure => figure.Latency.P99)):F1}", $"{Report.Median(figures.Select(figure => figure.OwnCpuMicroseconds)):F0}",
            $"{Report.Median(figures.Select(figure => figure.CpuMicroseconds)):F0}", $"{figures.Sum(figure => figure.Duplicates)}",
        ])],
        new { figures = _figures, pause }, _ledger, pause is null ? [] : [.. Goals(pause)]);

    private IEnumerable<Goal> Goals(Latency pause)
    {
        var ratio = Report.Median(_figures.GroupBy(figure => figure.Round).Select(round => round.Last().Rate / round.First().Rate));
        var duplicates = _figures.Sum(figure => figure.Duplicates);
        yield return new Goal($"7 · {Nodes} nodes on PostgreSQL, throughput of one", $"{ratio:F2}", "≥ 1", ratio >= 1);
        yield return new Goal("7 · deliveries by two owners", $"{duplicates}", "0", duplicates == 0);
        yield return new Goal("7 · a killed node's work resumes", $"{pause.Max / 1000:F1} s", "≤ 15 s", pause.Max <= MostPause);
    }
}

/// <summary>One phase: so many nodes in one round.</summary>
/// <param name="Duplicates">Requests at the receiver beyond the first of each message.</param>
public sealed record NodesFigure(int Nodes, int Round, double Rate, Latency Latency, double OwnCpuMicroseconds, double CpuMicroseconds, long Duplicates);
