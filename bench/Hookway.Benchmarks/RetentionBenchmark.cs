using System.Data.Common;
using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>
/// What accepts notice of the retention: the same load while nothing is old enough, while data is erased, and while messages are removed with all that belongs to them.
/// The three take turns, each with a fresh process on the same store.
/// </summary>
public sealed class RetentionBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Rate = 1_000;
    private const int WarmUpConnections = 64;
    private const int MostPerSecond = 40_000;
    private const double MostOfRest = 2;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);

    // By the number of days that the server keeps, the one or the other half has been kept long enough for one of the two stages.
    private static readonly TimeSpan AgeOfErased = TimeSpan.FromDays(60);
    private static readonly TimeSpan AgeOfWhole = TimeSpan.FromDays(40.5);
    private static readonly Work[] Works = [new("nothing to do", 3_650), new("erases data", 40), new("removes messages", 50)];

    private readonly List<RetentionFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)options.WarmUp.TotalSeconds * MostPerSecond);
        using var receiver = new Receiver(log);
        if (options.Compares(HookwayUnderTest.NameOf(Store.Embedded)))
        {
            await using var embedded = await HookwayUnderTest.Start(options.Targets, log, receiver);
            await Measure(embedded, log);
        }
        if (PrivatePostgres.IsInstalled && options.Compares(HookwayUnderTest.NameOf(Store.Postgres)))
        {
            await using var postgres = await PrivatePostgres.Start();
            await using var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver, Store.Postgres, postgres);
            await Measure(hookway, log);
        }
        return ToSection();
    }

    private async Task Measure(HookwayUnderTest hookway, MessageLog log)
    {
        progress($"retention, {hookway.Name}: adding {options.RetentionRows:N0} old messages");
        await hookway.Restart(async connection =>
        {
            var history = new History(connection);
            await history.Add(options.RetentionRows / 2, firstTarget: 1, options.Targets, isPending: false, AgeOfErased, withData: false);
            await history.Add(options.RetentionRows / 2, firstTarget: 1, options.Targets, isPending: false, AgeOfWhole);
        }, Works[0].Settings);
        for (var round = 1; round <= options.RetentionRounds; round++)
        {
            foreach (var work in round % 2 == 0 ? Works.Reverse() : Works)
            {
                progress($"retention, {hookway.Name}, round {round} of {options.RetentionRounds}: {work.Name}");
                await Phase(hookway, log, work, round);
            }
        }
    }

    private async Task Phase(HookwayUnderTest hookway, MessageLog log, Work work, int round)
    {
        await hookway.Restart(EndTurn, work.Settings);
        hookway.Ledger.Begin();
        await LoadGenerator.Closed(hookway.Target, log, WarmUpConnections, options.WarmUp, delivers: true);
        await hookway.Ledger.Drain();
        await Task.Delay(Rest);
        var before = await hookway.Look(Left);
        hookway.Ledger.Begin();
        await LoadGenerator.Open(hookway.Target, log, Rate, options.LoadUnderRetention);
        await hookway.Ledger.Drain();
        var after = await hookway.Look(Left);
        _figures.Add(new RetentionFigure(
            hookway.Name, work.Name, round, log.Accepting(), log.Delivering(), before.WithData - after.WithData, before.Messages - after.Messages, after.WithData > 0, after.Erased > 0));
        _ledger.Add(hookway.Ledger.Close($"retention, {hookway.Name}, {work.Name}, round {round}", delivers: true));
    }

    /// <summary>The process before had the turn at removing for some minutes more.</summary>
    private static async Task EndTurn(DbConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "DELETE FROM settings WHERE name = 'retention_turn'";
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>How much of the old there is: with its data, of the half that had lost it from the beginning, and in all.</summary>
    private static async Task<(long WithData, long Erased, long Messages)> Left(DbConnection connection)
    {
        long Before(TimeSpan age) => (DateTimeOffset.UtcNow - age).ToUnixTimeMilliseconds();
        await using var command = connection.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText =
            $"""
            SELECT count(CASE WHEN data IS NOT NULL THEN 1 END), count(CASE WHEN created_at < {Before((AgeOfErased + AgeOfWhole) / 2)} THEN 1 END), count(*)
            FROM messages WHERE created_at < {Before(AgeOfWhole / 2)}
            """;
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    private Section ToSection() => new(
        "Retention",
        $"A store with {options.RetentionRows:N0} old messages, half of them with 1 KiB of data, each with a delivery and an attempt; {Rate:N0} new messages a second, open loop, each with a delivery, for " +
        $"{options.LoadUnderRetention.TotalSeconds} s: while nothing is old enough to go, while data is erased, and while messages are removed. The median of {options.RetentionRounds} interleaved rounds; latency " +
        "counts from when a message was due.",
        ["", "retention", "accept p50 ms", "p99 ms", "first byte p99 ms", "data erased/s", "messages removed/s"],
        [.. _figures.GroupBy(figure => (figure.Subject, figure.Work)).Select(figures => (IReadOnlyList<string>)
        [
            figures.Key.Subject, figures.Key.Work, $"{Median(figures, figure => figure.Accepting.P50):F2}", $"{Median(figures, figure => figure.Accepting.P99):F2}",
            $"{Median(figures, figure => figure.Delivering.P99):F2}", $"{Median(figures, figure => figure.Erased) / options.LoadUnderRetention.TotalSeconds:N0}",
            $"{Median(figures, figure => figure.Removed) / options.LoadUnderRetention.TotalSeconds:N0}",
        ])],
        _figures, _ledger, [.. Goals()]);

    private IEnumerable<Goal> Goals()
    {
        foreach (var figures in _figures.GroupBy(figure => figure.Subject))
        {
            var rest = Median(figures.Where(figure => figure.Work == Works[0].Name), figure => figure.Accepting.P99);
            foreach (var work in Works.Skip(1))
            {
                var under = figures.Where(figure => figure.Work == work.Name).ToList();
                var ratio = Median(under, figure => figure.Accepting.P99) / rest;
                // A phase in which it was done before the end measured something else.
                var worked = under.TrueForAll(figure => work == Works[1] ? figure is { Erased: > 0, DataIsLeft: true } : figure is { Removed: > 0, MessagesAreLeft: true });
                yield return new Goal(
                    $"accept p99 on {figures.Key} while retention {work.Name}, of that without", worked ? $"{ratio:F2}" : "ran out of work", $"≤ {MostOfRest:F0}", worked && ratio <= MostOfRest);
            }
        }
    }

    private static double Median(IEnumerable<RetentionFigure> figures, Func<RetentionFigure, double> value) => Report.Median(figures.Select(value));

    /// <summary>What the retention has to do when the server keeps messages for so many days.</summary>
    private sealed record Work(string Name, int Days)
    {
        public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Hookway__Retention__Days"] = $"{Days}" };
    }
}

/// <summary>One phase.</summary>
/// <param name="Erased">Old messages that lost their data in it.</param>
/// <param name="Removed">Old messages that went in it.</param>
/// <param name="DataIsLeft">There was more to erase when it ended.</param>
/// <param name="MessagesAreLeft">There were more to remove when it ended.</param>
public sealed record RetentionFigure(
    string Subject, string Work, int Round, Latency Accepting, Latency Delivering, long Erased, long Removed, bool DataIsLeft, bool MessagesAreLeft);
