using System.Data.Common;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;

namespace Hookway.Tests.Support.Statements;

/// <summary>How a store runs a statement: its plan, and how much it looks at.</summary>
/// <param name="Scans">The tables that are read from one end to the other.</param>
/// <param name="Work">Rows looked at on PostgreSQL; steps of the virtual machine on SQLite, of which a row takes some ten or twenty.</param>
/// <param name="Text">The plan, for people.</param>
public sealed partial record StatementPlan(IReadOnlyList<string> Scans, long Work, string Text)
{
    /// <summary>Tables of a few rows, however long the server runs.</summary>
    private static readonly HashSet<string> NeverGrow = ["configuration_counter", "settings", "workspaces"];

    private const int FewRows = 1_000;

    /// <summary>Indexes of what is under way alone: reading one from its beginning, with a limit, is no scan of history.</summary>
    private static readonly string[] OfWorkAlone = [" deliveries_pending", " replays_to_drive"];

    public static Task<StatementPlan> Of(DbConnection connection, RecordedStatement statement) =>
        connection is NpgsqlConnection postgres ? OnPostgres(postgres, statement) : Task.FromResult(OnSqlite((SqliteConnection)connection, statement));

    private static StatementPlan OnSqlite(SqliteConnection connection, RecordedStatement statement)
    {
        var lines = new List<string>();
        using (var command = connection.CreateCommand())
        {
            command.CommandText = "EXPLAIN QUERY PLAN " + statement.Sql;
            foreach (var (name, value) in statement.Values)
            {
                command.Parameters.AddWithValue(name, value ?? DBNull.Value);
            }
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                lines.Add(reader.GetString(3));
            }
        }
        // What a subquery has found is gone through from one end to the other, as it should be.
        var subqueries = lines.Select(line => Subquery().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).ToHashSet();
        var scans = lines.Where(line => !OfWorkAlone.Any(index => line.EndsWith(index, StringComparison.Ordinal))).Select(line => Scan().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)
            .Where(table => table != "CONSTANT" && !subqueries.Contains(table) && !NeverGrow.Contains(table)).ToList();
        return new StatementPlan(scans, StepsOf(connection, statement), string.Join('\n', lines));
    }

    private static long StepsOf(SqliteConnection connection, RecordedStatement statement)
    {
        const int Steps = 4;
        raw.sqlite3_prepare_v2(connection.Handle, statement.Sql, out var prepared).ShouldBe(raw.SQLITE_OK, statement.Sql);
        using (prepared)
        {
            foreach (var (name, value) in statement.Values)
            {
                var at = raw.sqlite3_bind_parameter_index(prepared, name.StartsWith('@') ? name : "@" + name);
                _ = (at, value) switch
                {
                    (0, _) => 0,
                    (_, null) => raw.sqlite3_bind_null(prepared, at),
                    (_, string text) => raw.sqlite3_bind_text(prepared, at, text),
                    (_, byte[] bytes) => raw.sqlite3_bind_blob(prepared, at, bytes),
                    _ => raw.sqlite3_bind_int64(prepared, at, Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)),
                };
            }
            while (raw.sqlite3_step(prepared) == raw.SQLITE_ROW)
            {
            }
            return raw.sqlite3_stmt_status(prepared, Steps, 0);
        }
    }

    private static async Task<StatementPlan> OnPostgres(NpgsqlConnection connection, RecordedStatement statement)
    {
        var text = await Explain(connection, "ANALYZE, TIMING OFF, FORMAT JSON", statement);
        var scans = new List<string>();
        var work = Walk(JsonElement.Parse(text)[0].GetProperty("Plan"), scans);
        if (scans.Count > 0)
        {
            // A table that fits on a few pages is best read whole. Of one that has few rows here it counts whether there is another way.
            await Set(connection, "enable_seqscan = off");
            var without = new List<string>();
            Walk(JsonElement.Parse(await Explain(connection, "FORMAT JSON", statement))[0].GetProperty("Plan"), without);
            await Set(connection, "enable_seqscan = on");
            foreach (var table in scans.Except(without).ToList())
            {
                if (await RowsOf(connection, table) < FewRows)
                {
                    scans.RemoveAll(name => name == table);
                }
            }
        }
        return new StatementPlan(scans, work, text);
    }

    private static async Task<string> Explain(NpgsqlConnection connection, string options, RecordedStatement statement)
    {
        // What was null has lost its type, and EXPLAIN asks for one: a literal needs none.
        var sql = statement.Values.Where(value => value.Value is null or DBNull).Aggregate(
            statement.Sql, (text, value) => Regex.Replace(text, $@"@{Regex.Escape(value.Key.TrimStart('@'))}\b", "NULL"));
        await using var command = new NpgsqlCommand($"EXPLAIN ({options}) {sql}", connection);
        foreach (var (name, value) in statement.Values.Where(value => value.Value is not (null or DBNull)))
        {
            command.Parameters.AddWithValue(name, value!);
        }
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task Set(NpgsqlConnection connection, string setting)
    {
        await using var command = new NpgsqlCommand($"SET {setting}", connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<double> RowsOf(NpgsqlConnection connection, string table)
    {
        await using var command = new NpgsqlCommand("SELECT reltuples FROM pg_class WHERE oid = @table::regclass", connection) { Parameters = { new("table", table) } };
        return (float)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The rows that the scans below a node looked at.</summary>
    private static long Walk(JsonElement node, List<string> scans)
    {
        var rows = 0L;
        if (node.TryGetProperty("Relation Name", out var table) && node.GetProperty("Node Type").GetString() is { } type)
        {
            long Figure(string name) => node.TryGetProperty(name, out var figure) ? (long)figure.GetDouble() : 0;
            rows = (Figure("Actual Rows") + Figure("Rows Removed by Filter") + Figure("Rows Removed by Index Recheck")) * Figure("Actual Loops");
            // Not run at all when it has no loops; a plan that was not run has none to tell of.
            var ran = !node.TryGetProperty("Actual Loops", out var loops) || loops.GetDouble() > 0;
            if (type == "Seq Scan" && ran && !NeverGrow.Contains(table.GetString()!))
            {
                scans.Add(table.GetString()!);
            }
        }
        return rows + (node.TryGetProperty("Plans", out var below) ? below.EnumerateArray().Sum(plan => Walk(plan, scans)) : 0);
    }

    [GeneratedRegex(@"^(?:CO-ROUTINE|MATERIALIZE) (\S+)")]
    private static partial Regex Subquery();

    [GeneratedRegex(@"^SCAN (\S+)")]
    private static partial Regex Scan();
}
