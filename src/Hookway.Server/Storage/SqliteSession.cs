using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Hookway.Storage;

/// <summary>A writer's session on SQLite: statements over rows run prepared, row by row.</summary>
internal sealed partial class SqliteSession(SqliteConnection connection) : WriteSession(connection), IDisposable
{
    private readonly Dictionary<object, SqliteStatement> _statements = [];

    private sqlite3 Handle => connection.Handle!;

    public override Task ForEach<T>(RowStatement<T> statement, IReadOnlyList<T> rows)
    {
        var prepared = Prepare(statement);
        for (var i = 0; i < rows.Count; i++)
        {
            Bind(prepared, statement.Columns, rows[i]);
            prepared.Run();
        }
        return Task.CompletedTask;
    }

    public override Task<List<TFound>> Read<T, TFound>(RowStatement<T> statement, IReadOnlyList<T> rows, Func<FoundRow, TFound> read)
    {
        var prepared = Prepare(statement);
        var found = new List<TFound>(rows.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            Bind(prepared, statement.Columns, rows[i]);
            try
            {
                while (prepared.Step())
                {
                    found.Add(read(prepared));
                }
            }
            finally
            {
                prepared.Reset();
            }
        }
        return Task.FromResult(found);
    }

    public override Task Ask<T>(RowStatement<T> question, T row, Action<long?> answered)
    {
        var prepared = Prepare(question);
        Bind(prepared, question.Columns, row);
        long? answer = null;
        try
        {
            for (var isFirst = true; prepared.Step(); isFirst = false)
            {
                answer = isFirst && !prepared.IsDBNull(0) ? prepared.GetInt64(0) : answer;
            }
        }
        finally
        {
            prepared.Reset();
        }
        answered(answer);
        return Task.CompletedTask;
    }

    public override Task<IReadOnlyList<long>> TakeNumbers(string counter, int count)
    {
        var statement = Raw(
            "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value");
        statement.Bind(1, counter);
        statement.Bind(2, count);
        statement.Step();
        var last = statement.GetInt64(0);
        statement.Run();
        var numbers = new long[count];
        for (var i = 0; i < count; i++)
        {
            numbers[i] = last - count + 1 + i;
        }
        return Task.FromResult<IReadOnlyList<long>>(numbers);
    }

    /// <summary>A statement without rows, kept prepared.</summary>
    public SqliteStatement Raw(string sql)
    {
        if (!_statements.TryGetValue(sql, out var prepared))
        {
            _statements.Add(sql, prepared = new SqliteStatement(Handle, sql));
        }
        return prepared;
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }
    }

    private SqliteStatement Prepare<T>(RowStatement<T> statement)
    {
        if (!_statements.TryGetValue(statement, out var prepared))
        {
            _statements.Add(statement, prepared = new SqliteStatement(Handle, Expand(statement)));
        }
        return prepared;
    }

    /// <summary>
    /// Where the rows stand alone, their columns become parameters and no table is made: SQLite would fill and read one for each row, which costs an update three times
    /// its price. Where they are joined, the one row stands as a table.
    /// </summary>
    private static string Expand<T>(RowStatement<T> statement)
    {
        var numbers = statement.Columns.Select((column, i) => (column.Name, Parameter: $"?{i + 1}")).ToDictionary(column => column.Name, column => column.Parameter);
        var alone = RowsAlone().Replace(statement.Sql, "");
        return alone.Contains("{rows}", StringComparison.Ordinal)
            ? statement.Sql.Replace("{rows}", $"(SELECT {string.Join(", ", numbers.Select(column => $"{column.Value} AS {column.Key}"))}) AS v", StringComparison.Ordinal)
            : ColumnOfRows().Replace(alone, column => numbers[column.Groups["name"].Value]);
    }

    private static void Bind<T>(SqliteStatement prepared, IReadOnlyList<RowColumn<T>> columns, T row)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            var column = columns[i];
            switch (column.Type)
            {
                case RowType.Number: prepared.Bind(i + 1, column.Number(row)); break;
                case RowType.Text: prepared.Bind(i + 1, column.Text(row)); break;
                default: prepared.Bind(i + 1, column.Bytes(row)); break;
            }
        }
    }

    [GeneratedRegex(@"FROM\s+\{rows\}(?=\s*($|WHERE\b|RETURNING\b|\)))")]
    private static partial Regex RowsAlone();

    [GeneratedRegex(@"\bv\.(?<name>\w+)")]
    private static partial Regex ColumnOfRows();
}
