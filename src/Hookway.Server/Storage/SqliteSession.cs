using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Hookway.Storage;

/// <summary>A writer's session on SQLite: statements over rows run prepared, row by row.</summary>
internal sealed class SqliteSession(SqliteConnection connection) : WriteSession(connection)
{
    private readonly Dictionary<RowStatement, (string Sql, string[] Parameters)> _statements = [];

    public override async Task<int> ForEach(RowStatement statement, IReadOnlyList<object?[]> rows)
    {
        var (sql, parameters) = Expand(statement);
        var changed = 0;
        foreach (var row in rows)
        {
            changed += await Prepared(sql, parameters).With(row).Execute();
        }
        return changed;
    }

    public override async Task<List<T>> Read<T>(RowStatement statement, IReadOnlyList<object?[]> rows, Func<DbDataReader, T> read)
    {
        var (sql, parameters) = Expand(statement);
        var found = new List<T>(rows.Count);
        foreach (var row in rows)
        {
            await using var reader = await Prepared(sql, parameters).With(row).Query();
            while (await reader.ReadAsync())
            {
                found.Add(read(reader));
            }
        }
        return found;
    }

    public override async Task<IReadOnlyList<long>> TakeNumbers(string counter, int count)
    {
        var last = (long)(await Prepared(
            "INSERT INTO counters (name, value) VALUES (@name, @count) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
            "@name", "@count").With(counter, (long)count).Scalar())!;
        return [.. Enumerable.Range(1, count).Select(i => last - count + i)];
    }

    private (string Sql, string[] Parameters) Expand(RowStatement statement)
    {
        if (!_statements.TryGetValue(statement, out var expanded))
        {
            var row = string.Join(", ", statement.Columns.Select(column => $"@{column.Name} AS {column.Name}"));
            expanded = (
                statement.Sql.Replace("{rows}", $"(SELECT {row}) AS v", StringComparison.Ordinal),
                [.. statement.Columns.Select(column => "@" + column.Name)]);
            _statements.Add(statement, expanded);
        }
        return expanded;
    }
}
