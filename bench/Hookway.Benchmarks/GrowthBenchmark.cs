using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>What a message with its delivery costs as the tables grow: the same load on stores of more and more rows.</summary>
public sealed class GrowthBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Connections = 64;
    private const int MostPerSecond = 40_000;
    private const int First = 10_000;
    private const double Allowed = 0.2;

    private readonly List<GrowthFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond);
        using var receiver = new Receiver(log);
        await using (var embedded = await HookwayUnderTest.Start(options.Targets, log, receiver))
        {
            await Measure(embedded, log);
        }
        if (PrivatePostgres.IsInstalled)
        {
            await using var postgres = await PrivatePostgres.Start();
            await using var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver, Store.Postgres, postgres);
            await Measure(hookway, log);
        }
        return ToSection();
    }

    private async Task Measure(HookwayUnderTest hookway, MessageLog log)
    {
        var sizes = new[] { First, First * 10, First * 100, First * 300 }.Where(size => size < options.GrowthRows).Append(options.GrowthRows).ToList();
        foreach (var size in sizes)
        {
            var rows = 0L;
            progress($"growth, {hookway.Name}: filling up to {size:N0} deliveries");
            await hookway.Restart(async connection =>
            {
                var history = new History(connection);
                if (size - await history.Deliveries() is > 0 and var missing)
                {
                    await history.Add(missing, firstTarget: 1, options.Targets, isPending: false);
                }
                rows = await history.Deliveries();
            });
            await hookway.WarmUp(log, options.WarmUp);
            progress($"growth, {hookway.Name}: {rows:N0} deliveries");
            hookway.Ledger.Begin();
            var (own, all) = (hookway.OwnCpuMicroseconds, hookway.CpuMicroseconds);
            var took = await LoadGenerator.Closed(hookway.Target, log, Connections, options.Phase, delivers: true);
            var rate = log.Acknowledged / took.TotalSeconds;
            await hookway.Ledger.Drain();
            _figures.Add(new GrowthFigure(
                hookway.Name, rows, rate, log.Accepting(), (hookway.OwnCpuMicroseconds - own) / log.Acknowledged, (hookway.CpuMicroseconds - all) / log.Acknowledged));
            _ledger.Add(hookway.Ledger.Close($"growth, {hookway.Name}, {rows:N0}", delivers: true));
        }
    }

    private Section ToSection() => new(
        "Growth",
        $"Closed loop at {Connections} connections for {options.Phase.TotalSeconds} s, each message with a delivery, on a store that holds so many deliveries already (and as many messages of 1 KiB and " +
        "attempts), put there while the server was down; the server is warmed up again before each figure. CPU with that of PostgreSQL's processes.",
        ["", "deliveries stored", "accepts/s", "accept p99 ms", "CPU µs/message", "with database"],
        [.. _figures.Select(figure => (IReadOnlyList<string>)
            [figure.Subject, $"{figure.Rows:N0}", $"{figure.Rate:N0}", $"{figure.Accepting.P99:F1}", $"{figure.OwnCpuMicroseconds:F0}", $"{figure.CpuMicroseconds:F0}"])],
        _figures, _ledger,
        [.. _figures.GroupBy(figure => figure.Subject).Select(figures =>
        {
            var (first, last) = (figures.First(), figures.Last());
            var change = (last.CpuMicroseconds / first.CpuMicroseconds) - 1;
            return new Goal($"6 · CPU for each message, {figures.Key}, {last.Rows:N0} deliveries stored, against {First:N0}", $"{change:+0 %;-0 %}", "± 20 %", Math.Abs(change) <= Allowed);
        })]);
}

/// <summary>The cost on a store of one size.</summary>
public sealed record GrowthFigure(string Subject, long Rows, double Rate, Latency Accepting, double OwnCpuMicroseconds, double CpuMicroseconds);
