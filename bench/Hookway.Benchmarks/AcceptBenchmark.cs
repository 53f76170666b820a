using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>
/// How fast messages are accepted, closed loop, beside bare endpoints that do nothing. All take turns at each number of connections, and the ratio is that of one turn;
/// each round has fresh processes and fresh stores.
/// </summary>
public sealed class AcceptBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int MostPerSecond = 110_000;
    private const int WarmUpConnections = 64;
    private const int Judged = BenchmarkOptions.Judged;

    private readonly List<AcceptFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond));
        using var receiver = new Receiver(log);
        await using var postgres = PrivatePostgres.IsInstalled ? await PrivatePostgres.Start() : null;
        for (var round = 1; round <= options.Rounds; round++)
        {
            await Round(round, log, receiver, postgres);
        }
        return ToSection();
    }

    private async Task Round(int round, MessageLog log, Receiver receiver, PrivatePostgres? postgres)
    {
        await using var bare = await ServerProcess.StartBare("bare");
        await using var barest = await ServerProcess.StartBare("barest");
        await using var embedded = await HookwayUnderTest.Start(options.Targets, log, receiver);
        await using var onPostgres = postgres is null ? null : await HookwayUnderTest.Start(options.Targets, log, receiver, Store.Postgres, postgres);
        progress("accept, warming up");
        await WarmUp(bare, log);
        await WarmUp(barest, log);
        await embedded.WarmUp(log, options.WarmUp);
        await (onPostgres?.WarmUp(log, options.WarmUp) ?? Task.CompletedTask);
        foreach (var connections in options.Connections)
        {
            progress($"accept, round {round} of {options.Rounds}, {connections} connections");
            var bareRate = await MeasureBare("bare Kestrel", bare, log, round, connections, null);
            var turn = new Turn(round, connections, bareRate, await MeasureBare("barest Kestrel", barest, log, round, connections, bareRate));
            foreach (var hookway in new[] { embedded, onPostgres }.OfType<HookwayUnderTest>())
            {
                await MeasureHookway(hookway, log, turn, delivers: false);
                await MeasureHookway(hookway, log, turn, delivers: true);
            }
        }
    }

    private SendTarget TargetOf(ServerProcess bare) => new(bare.Port, "/", "none", options.Targets);

    private async Task WarmUp(ServerProcess bare, MessageLog log)
    {
        log.Begin();
        await LoadGenerator.Closed(TargetOf(bare), log, WarmUpConnections, options.WarmUp, delivers: false);
    }

    private async Task<double> MeasureBare(string name, ServerProcess bare, MessageLog log, int round, int connections, double? bareRate)
    {
        log.Begin();
        var cpu = bare.CpuMicroseconds;
        var took = await LoadGenerator.Closed(TargetOf(bare), log, connections, options.Phase, delivers: false);
        if (log.Refused + log.Unanswered > 0)
        {
            throw new InvalidOperationException($"The {name} endpoint refused {log.Refused} requests and left {log.Unanswered} unanswered.");
        }
        var rate = log.Acknowledged / took.TotalSeconds;
        var used = (bare.CpuMicroseconds - cpu) / log.Acknowledged;
        _figures.Add(new AcceptFigure(name, round, connections, rate, rate / (bareRate ?? rate), null, log.Accepting(), used, used));
        return rate;
    }

    private async Task MeasureHookway(HookwayUnderTest hookway, MessageLog log, Turn turn, bool delivers)
    {
        var what = NameOf(hookway.Name, delivers);
        hookway.Ledger.Begin();
        var (own, all) = (hookway.OwnCpuMicroseconds, hookway.CpuMicroseconds);
        var took = await LoadGenerator.Closed(hookway.Target, log, turn.Connections, options.Phase, delivers);
        var rate = log.Acknowledged / took.TotalSeconds;
        // What is left to deliver is part of a message's cost, though not of its acceptance.
        await hookway.Ledger.Drain();
        _figures.Add(new AcceptFigure(
            what, turn.Round, turn.Connections, rate, rate / turn.BareRate, rate / turn.BarestRate, log.Accepting(),
            (hookway.OwnCpuMicroseconds - own) / log.Acknowledged, (hookway.CpuMicroseconds - all) / log.Acknowledged));
        _ledger.Add(hookway.Ledger.Close($"{what}, {turn.Connections} connections, round {turn.Round}", delivers));
    }

    private static string NameOf(string subject, bool delivers) => $"{subject}, {(delivers ? "with a delivery" : "accept only")}";

    private Section ToSection()
    {
        var names = _figures.Select(figure => figure.Subject).Distinct().ToList();
        var rows = options.Connections.SelectMany(connections => names.Select(name =>
        {
            var figures = Of(name, connections);
            return (IReadOnlyList<string>)
            [
                $"{connections}", name, $"{Median(figures, figure => figure.Rate):N0}", $"{Median(figures, figure => figure.RatioToBare):F2}",
                figures[0].RatioToBarest is null ? "–" : $"{Median(figures, figure => figure.RatioToBarest!.Value):F2}",
                $"{Median(figures, figure => figure.Latency.P50):F2}", $"{Median(figures, figure => figure.Latency.P99):F2}",
                $"{Median(figures, figure => figure.OwnCpuMicroseconds):F0}", $"{Median(figures, figure => figure.CpuMicroseconds):F0}",
            ];
        })).ToList();
        return new Section(
            "Accept",
            $"Closed loop, bodies of 1 KiB, medians of {options.Rounds} interleaved rounds of {options.Phase.TotalSeconds} s. *Bare*: a web application as the framework makes it, one route, " +
            "logging off, which reads the body and answers 202: what the targets are measured against. *Barest*: Kestrel without host defaults, routing and middleware. " +
            $"*Accept only*: the recipient has no endpoint. *With a delivery*: {options.Targets} recipients in turn, one endpoint each, which answers at once; its CPU counts until the last " +
            "delivery is recorded, and the second figure has that of PostgreSQL's processes in it.",
            ["connections", "", "requests/s", "of bare", "of barest", "p50 ms", "p99 ms", "CPU µs/message", "with database"],
            rows, _figures, _ledger, [.. Goals()]);
    }

    private IEnumerable<Goal> Goals()
    {
        foreach (var (store, wanted, stretch) in new[] { (Store.Embedded, 0.38, 0.50), (Store.Postgres, 0.35, 0.43) })
        {
            var name = $"Hookway, {HookwayUnderTest.NameOf(store)}";
            if (Of(NameOf(name, delivers: false), Judged) is not { Count: > 0 } accepts)
            {
                continue;
            }
            var ratio = Median(accepts, figure => figure.RatioToBare);
            var tail = Median(accepts, figure => figure.Latency.P99 / figure.Latency.P50);
            yield return new Goal($"1 · accept, {HookwayUnderTest.NameOf(store)}, {Judged} connections, of bare Kestrel", $"{ratio:F2}", $"≥ {wanted:F2}", ratio >= wanted);
            yield return new Goal($"1 · the same, stretch", $"{ratio:F2}", $"≥ {stretch:F2}", ratio >= stretch);
            yield return new Goal($"1 · accept, {HookwayUnderTest.NameOf(store)}, p99 of p50", $"{tail:F1}", "≤ 4", tail <= 4);
        }
    }

    private List<AcceptFigure> Of(string name, int connections) => [.. _figures.Where(figure => figure.Subject == name && figure.Connections == connections)];

    private static double Median(IReadOnlyList<AcceptFigure> figures, Func<AcceptFigure, double> value) => Report.Median(figures.Select(value));

    private sealed record Turn(int Round, int Connections, double BareRate, double BarestRate);
}

/// <summary>One phase: one subject at one number of connections in one round.</summary>
/// <param name="OwnCpuMicroseconds">CPU time of the server's process for each message, its delivery included.</param>
/// <param name="CpuMicroseconds">The same with that of its database.</param>
public sealed record AcceptFigure(
    string Subject, int Round, int Connections, double Rate, double RatioToBare, double? RatioToBarest, Latency Latency, double OwnCpuMicroseconds, double CpuMicroseconds);
