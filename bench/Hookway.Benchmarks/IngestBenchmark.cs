using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>
/// How fast a vendor's events are received, closed loop, beside a bare endpoint that does nothing: the signature verified, id, type, entity and time read, repetitions
/// looked for, and the event on disk before the answer. All take turns at each number of connections, and the ratio is that of one turn.
/// </summary>
public sealed class IngestBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int MostPerSecond = 110_000;
    private const int WarmUpConnections = 64;

    private readonly List<IngestFigure> _figures = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond));
        await using var postgres = PrivatePostgres.IsInstalled ? await PrivatePostgres.Start() : null;
        for (var round = 1; round <= options.Rounds; round++)
        {
            await using var bare = await ServerProcess.StartBare("bare");
            await using var embedded = await IngestUnderTest.Start(null);
            await using var onPostgres = postgres is null ? null : await IngestUnderTest.Start(postgres);
            IReadOnlyList<IngestUnderTest> all = [.. new[] { embedded, onPostgres }.OfType<IngestUnderTest>()];
            progress("ingest, warming up");
            var bareTarget = new SendTarget(bare.Port, "/", "none", 0);
            log.Begin();
            await LoadGenerator.Closed(bareTarget, log, WarmUpConnections, options.WarmUp, delivers: false);
            foreach (var hookway in all)
            {
                log.Begin();
                await LoadGenerator.Closed(hookway.Target, log, WarmUpConnections, options.WarmUp, delivers: false);
                await hookway.Settle();
            }
            foreach (var connections in options.Connections)
            {
                progress($"ingest, round {round} of {options.Rounds}, {connections} connections");
                var cpu = bare.CpuMicroseconds;
                var bareRate = await Measure("bare Kestrel", bareTarget, log, round, connections, null, () => (bare.CpuMicroseconds - cpu, bare.CpuMicroseconds - cpu));
                foreach (var hookway in all)
                {
                    var (own, whole, before) = (hookway.OwnCpuMicroseconds, hookway.CpuMicroseconds, await hookway.Verified());
                    await Measure(
                        hookway.Name, hookway.Target, log, round, connections, bareRate, () => (hookway.OwnCpuMicroseconds - own, hookway.CpuMicroseconds - whole));
                    var verified = await hookway.Verified() - before;
                    if (verified != log.Acknowledged)
                    {
                        throw new InvalidOperationException($"{hookway.Name} acknowledged {log.Acknowledged} events and has verified {verified}.");
                    }
                }
            }
        }
        return ToSection();
    }

    private async Task<double> Measure(
        string name, SendTarget target, MessageLog log, int round, int connections, double? bareRate, Func<(double Own, double All)> cpu)
    {
        log.Begin();
        var took = await LoadGenerator.Closed(target, log, connections, options.Phase, delivers: false);
        if (log.Refused + log.Unanswered > 0)
        {
            throw new InvalidOperationException($"{name} refused {log.Refused} requests and left {log.Unanswered} unanswered.");
        }
        var rate = log.Acknowledged / took.TotalSeconds;
        var (own, all) = cpu();
        _figures.Add(new IngestFigure(name, round, connections, rate, rate / (bareRate ?? rate), log.Accepting(), own / log.Acknowledged, all / log.Acknowledged));
        return rate;
    }

    private Section ToSection()
    {
        var rows = options.Connections.SelectMany(connections => _figures.Where(figure => figure.Connections == connections).GroupBy(figure => figure.Subject).Select(same =>
        {
            double Median(Func<IngestFigure, double> value) => Report.Median(same.Select(value));
            return (IReadOnlyList<string>)
            [
                $"{connections}", same.Key, $"{Median(figure => figure.Rate):N0}", $"{Median(figure => figure.RatioToBare):F2}", $"{Median(figure => figure.Latency.P50):F2}",
                $"{Median(figure => figure.Latency.P99):F2}", $"{Median(figure => figure.OwnCpuMicroseconds):F0}", $"{Median(figure => figure.CpuMicroseconds):F0}",
            ];
        })).ToList();
        return new Section(
            "Ingest",
            $"Closed loop, events of GitHub's of 1 KiB, each with an id of its own, medians of {options.Rounds} interleaved rounds of {options.Phase.TotalSeconds} s. *Bare* as for accepts. " +
            "Hookway verifies the signature, reads id, type, entity and time, looks for an earlier copy and has the event on disk before the answer; after each phase as many events are verified in the ledger as were acknowledged.",
            ["connections", "", "requests/s", "of bare", "p50 ms", "p99 ms", "CPU µs/event", "with database"],
            rows, _figures, [], []);
    }
}

/// <summary>One phase: one subject at one number of connections in one round.</summary>
/// <param name="OwnCpuMicroseconds">CPU time of the server's process for each event.</param>
/// <param name="CpuMicroseconds">The same with that of its database.</param>
public sealed record IngestFigure(
    string Subject, int Round, int Connections, double Rate, double RatioToBare, Latency Latency, double OwnCpuMicroseconds, double CpuMicroseconds);
