using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using Hookway.Benchmarks.Subjects;
using Npgsql;

namespace Hookway.Benchmarks;

/// <summary>What it costs to look for issues: at rest, with very many expected events open, and for each event of a ledger whose rules concern all of it.</summary>
public sealed class WatchBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Expectations = 100_000;
    private const string Numbers = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < @count)";
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly List<WatchFigure> _figures = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog(1);
        using var receiver = new Receiver(log);
        await using (var embedded = await HookwayUnderTest.Start(1, log, receiver))
        {
            await Measure(embedded);
        }
        if (PrivatePostgres.IsInstalled)
        {
            await using var postgres = await PrivatePostgres.Start();
            await using var hookway = await HookwayUnderTest.Start(1, log, receiver, Store.Postgres, postgres);
            await Measure(hookway);
        }
        return ToSection();
    }

    private async Task Measure(HookwayUnderTest hookway)
    {
        await CreateSource(hookway);
        var empty = await Rest(hookway, "nothing open");
        await hookway.Restart(connection => Run(connection, $"""
            {Numbers} INSERT INTO expectations (source_no, rule, entity, event_seq, event_id, event_type, began_at, due_at)
            SELECT 1, 'run-completed', 'waiting-' || CAST(i AS TEXT), i, 'evt_' || CAST(i AS TEXT), 'workflow_run.in_progress', @now, @now + 86400000 + i FROM n
            """, Expectations));
        var open = await Rest(hookway, $"{Expectations:N0} open");
        var events = options.Quick ? 5_000 : 50_000;
        progress($"watch, {hookway.Name}: {events:N0} events");
        await hookway.Restart(connection => Run(connection, $$$"""
            {{{Numbers}}} INSERT INTO events (seq, workspace_no, source_no, id, vendor_event_id, event_type, entity_key, signature_status, signature_coverage, duplicate_key, method, query, headers,
                content_type, received_at, body_size, body)
            SELECT i, 1, 1, 'evt_' || CAST(i AS TEXT), CAST(i AS TEXT), 'workflow_run.requested', CAST(i AS TEXT), 0, 0, {{{Bytes(connection, "CAST(i AS TEXT)")}}}, 'POST', '',
                '["X-GitHub-Event","workflow_run","X-GitHub-Delivery","' || CAST(i AS TEXT) || '","Content-Type","application/json"]', 'application/json', @now, 1000,
                {{{Bytes(connection, "'{\"action\":\"requested\",\"workflow_run\":{\"id\":' || CAST(i AS TEXT) || ',\"text\":\"' || @filler || '\"}}'")}}} FROM n
            """, events, renumber: true));
        var (cpu, start) = (hookway.CpuMicroseconds, Stopwatch.GetTimestamp());
        var watched = await hookway.Number("SELECT position FROM watch_cursors WHERE name = 'ledger'");
        var first = watched;
        while (watched < events)
        {
            await Task.Delay(BetweenLooks);
            watched = await hookway.Number("SELECT position FROM watch_cursors WHERE name = 'ledger'");
            if (Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new InvalidOperationException($"Only {watched} of {events} events were watched.");
            }
        }
        var took = Stopwatch.GetElapsedTime(start);
        var done = events - first;
        _figures.Add(new WatchFigure(hookway.Name, empty, open, events, done / took.TotalSeconds, (hookway.CpuMicroseconds - cpu) / Math.Max(done, 1), await hookway.Number("SELECT count(*) FROM expectations")));
    }

    private static async Task CreateSource(HookwayUnderTest hookway)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", hookway.Target.Key);
        using var answer = await http.PostAsJsonAsync($"http://127.0.0.1:{hookway.Process.Port}/api/v1/ingest/sources", new { name = "Feed", vendor = "github" });
        answer.EnsureSuccessStatusCode();
    }

    private async Task<double> Rest(HookwayUnderTest hookway, string what)
    {
        progress($"watch, {hookway.Name}: at rest, {what}");
        await hookway.Settle();
        await Task.Delay(options.UntilRest);
        var (cpu, start) = (hookway.CpuMicroseconds, Stopwatch.GetTimestamp());
        await Task.Delay(options.Idle);
        return (hookway.CpuMicroseconds - cpu) / Stopwatch.GetElapsedTime(start).TotalMicroseconds * 100;
    }

    private static string Bytes(DbConnection connection, string text) => connection is NpgsqlConnection ? $"convert_to({text}, 'UTF8')" : $"CAST({text} AS BLOB)";

    private static async Task Run(DbConnection connection, string sql, long count, bool renumber = false)
    {
        await using var command = connection.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = sql + (renumber
            ? connection is NpgsqlConnection ? "; SELECT setval('messages_numbers', @count)" : "; INSERT INTO counters (name, value) VALUES ('messages', @count) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            : "");
        foreach (var (name, value) in (ReadOnlySpan<(string, object)>)[("count", count), ("now", DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()), ("filler", new string('x', 900))])
        {
            if (command.CommandText.Contains("@" + name, StringComparison.Ordinal))
            {
                var parameter = command.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                command.Parameters.Add(parameter);
            }
        }
        await command.ExecuteNonQueryAsync();
    }

    private Section ToSection() => new(
        "Issues",
        $"CPU at rest over {options.Idle.TotalSeconds} s, with nothing expected and with {Expectations:N0} expected events open (of the server and, on PostgreSQL, its database). Then a ledger of events of 1 KiB that was filled while the "
        + "server was down, each of a type that begins a wait: how fast the watcher comes through it, and what an event costs.",
        ["", "at rest", string.Create(CultureInfo.InvariantCulture, $"{Expectations:N0} open"), "events watched /s", "CPU of one event"],
        [.. _figures.Select(figure => (IReadOnlyList<string>)[figure.Subject, $"{figure.Empty:F2} %", $"{figure.Open:F2} %", $"{figure.PerSecond:N0}", $"{figure.CpuMicroseconds:F0} µs"])],
        _figures, [],
        [.. _figures.Select(figure => new Goal($"CPU of {Expectations:N0} open expectations, {figure.Subject}", $"{figure.Open - figure.Empty:F2} %", "≤ 0.5 % of a core", figure.Open - figure.Empty <= 0.5))]);
}

/// <summary>One store.</summary>
/// <param name="Empty">CPU at rest, in percent of a core.</param>
/// <param name="Open">The same with expectations open.</param>
/// <param name="Expected">Expectations in the end: those before, and one for each event.</param>
public sealed record WatchFigure(string Subject, double Empty, double Open, int Events, double PerSecond, double CpuMicroseconds, long Expected);
