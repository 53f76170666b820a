namespace Hookway.Benchmarks;

/// <summary>
/// How fast messages are accepted, closed loop, beside a bare Kestrel endpoint that does nothing. The three take turns at each number of connections, and the
/// ratio is that of one turn; each round has fresh processes and a fresh data folder.
/// </summary>
public sealed class AcceptBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int MostPerSecond = 60_000;
    private const int WarmUpConnections = 64;

    private readonly List<AcceptFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond));
        using var receiver = new Receiver(log);
        for (var round = 1; round <= options.Rounds; round++)
        {
            await using var bare = await ServerProcess.StartBare();
            await using var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver);
            var bareTarget = new SendTarget(bare.Port, "/", "none", options.Targets);
            await WarmUp(hookway, bareTarget, log);
            foreach (var connections in options.Connections)
            {
                progress($"accept, round {round} of {options.Rounds}, {connections} connections");
                var bareRate = await MeasureBare(bare, bareTarget, log, round, connections);
                await MeasureHookway(AcceptSubject.Skipped, hookway, log, round, connections, bareRate);
                await MeasureHookway(AcceptSubject.Delivered, hookway, log, round, connections, bareRate);
            }
        }
        return ToSection();
    }

    private async Task WarmUp(HookwayUnderTest hookway, SendTarget bare, MessageLog log)
    {
        progress("accept, warming up");
        log.Begin();
        await LoadGenerator.Closed(bare, log, WarmUpConnections, options.WarmUp, delivers: false);
        await hookway.WarmUp(log, options.WarmUp);
    }

    private async Task<double> MeasureBare(ServerProcess bare, SendTarget target, MessageLog log, int round, int connections)
    {
        log.Begin();
        var cpu = bare.CpuMicroseconds;
        var took = await LoadGenerator.Closed(target, log, connections, options.Phase, delivers: false);
        if (log.Refused + log.Unanswered > 0)
        {
            throw new InvalidOperationException($"The bare endpoint refused {log.Refused} requests and left {log.Unanswered} unanswered.");
        }
        var rate = log.Acknowledged / took.TotalSeconds;
        _figures.Add(new AcceptFigure(AcceptSubject.Bare, round, connections, rate, 1, log.Accepting(), (bare.CpuMicroseconds - cpu) / log.Acknowledged));
        return rate;
    }

    private async Task MeasureHookway(AcceptSubject subject, HookwayUnderTest hookway, MessageLog log, int round, int connections, double bareRate)
    {
        var delivers = subject is AcceptSubject.Delivered;
        hookway.Ledger.Begin();
        var cpu = hookway.Process.CpuMicroseconds;
        var took = await LoadGenerator.Closed(hookway.Target, log, connections, options.Phase, delivers);
        var rate = log.Acknowledged / took.TotalSeconds;
        // What is left to deliver is part of a message's cost, though not of its acceptance.
        await hookway.Ledger.Drain();
        _figures.Add(new AcceptFigure(
            subject, round, connections, rate, rate / bareRate, log.Accepting(), (hookway.Process.CpuMicroseconds - cpu) / log.Acknowledged));
        _ledger.Add(hookway.Ledger.Close($"accept {subject.ToString().ToLowerInvariant()}, {connections} connections, round {round}", delivers));
    }

    private Section ToSection()
    {
        var rows = options.Connections.SelectMany(connections => Enum.GetValues<AcceptSubject>().Select(subject =>
        {
            var figures = _figures.Where(figure => figure.Connections == connections && figure.Subject == subject).ToList();
            return (IReadOnlyList<string>)
            [
                $"{connections}",
                subject switch { AcceptSubject.Bare => "bare Kestrel", AcceptSubject.Skipped => "Hookway, accept only", _ => "Hookway, accept with a delivery" },
                $"{Median(figures, figure => figure.Rate):N0}",
                $"{Median(figures, figure => figure.RatioToBare):F2}",
                $"{Median(figures, figure => figure.Latency.P50):F2}",
                $"{Median(figures, figure => figure.Latency.P99):F2}",
                $"{Median(figures, figure => figure.CpuMicroseconds):F0}",
            ];
        })).ToList();
        return new Section(
            "Accept",
            $"Closed loop, bodies of 1 KiB, medians of {options.Rounds} interleaved rounds of {options.Phase.TotalSeconds} s. *Accept only*: the recipient has no endpoint. " +
            $"*With a delivery*: {options.Targets} recipients in turn, one endpoint each, which answers at once; its CPU counts until the last delivery is recorded.",
            ["connections", "", "requests/s", "of bare", "p50 ms", "p99 ms", "server CPU µs/message"],
            rows, _figures, _ledger, Goals());
    }

    private IReadOnlyList<Goal> Goals()
    {
        var accepts = _figures.Where(figure => figure is { Connections: 64, Subject: AcceptSubject.Skipped }).ToList();
        var tail = Median(accepts, figure => figure.Latency.P99 / figure.Latency.P50);
        var ratio = Median(accepts, figure => figure.RatioToBare);
        var withDelivery = Median(
            _figures.Where(figure => figure is { Connections: 64, Subject: AcceptSubject.Delivered }).ToList(), figure => figure.RatioToBare);
        return
        [
            new Goal("accept only at 64 connections, of bare Kestrel", $"{ratio:F2}", "≥ 0.38", ratio >= 0.38),
            new Goal("accept with a delivery at 64 connections, of bare Kestrel", $"{withDelivery:F2}", "≥ 0.38", withDelivery >= 0.38),
            new Goal("accept only at 64 connections, p99 of p50", $"{tail:F1}", "≤ 4", tail <= 4),
        ];
    }

    private static double Median(IReadOnlyList<AcceptFigure> figures, Func<AcceptFigure, double> value) => Report.Median(figures.Select(value));
}

/// <summary>What is measured beside what.</summary>
public enum AcceptSubject
{
    Bare,
    Skipped,
    Delivered,
}

/// <summary>One phase: one subject at one number of connections in one round.</summary>
/// <param name="CpuMicroseconds">CPU time of the server's process for each message, its delivery included.</param>
public sealed record AcceptFigure(
    AcceptSubject Subject, int Round, int Connections, double Rate, double RatioToBare, Latency Latency, double CpuMicroseconds);
