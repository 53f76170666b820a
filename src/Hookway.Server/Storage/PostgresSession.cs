using System.Data.Common;
using Npgsql;
using NpgsqlTypes;

namespace Hookway.Storage;

/// <summary>
/// A writer's session on PostgreSQL: statements over rows run once, over arrays, whatever the number of rows. Those that answer nothing are put off and sent together with the
/// next that does, or with the commit: each way to the server and back is time in which everybody waits.
/// </summary>
internal sealed class PostgresSession(NpgsqlConnection connection) : WriteSession(connection), IDisposable
{
    private readonly Dictionary<object, NpgsqlBatchCommand> _commands = [];
    private readonly NpgsqlBatch _batch = new(connection);
    private readonly NpgsqlBatchCommand _commit = new("COMMIT");

    /// <summary>Where the count is not at the number before, somebody took this transaction for lost: it must not commit.</summary>
    private readonly NpgsqlBatchCommand _count = new("UPDATE writers SET commits = CASE WHEN commits = $2 - 1 THEN $2 ELSE 1 / (commits - commits) END, at = now() WHERE id = $1")
    {
        Parameters = { new NpgsqlParameter<string>(), new NpgsqlParameter<long>() },
    };

    public override bool HasRowLocks => true;

    /// <summary>What is run on it comes after what was put off.</summary>
    public override DbConnection Connection
    {
        get
        {
            if (_batch.BatchCommands.Count > 0)
            {
                try
                {
                    _batch.ExecuteNonQuery();
                }
                finally
                {
                    Forget();
                }
            }
            return connection;
        }
    }

    public override async Task ForEach<T>(RowStatement<T> statement, IReadOnlyList<T> rows)
    {
        if (rows.Count > 0)
        {
            await PutOff(statement, rows);
        }
    }

    public override async Task<List<TFound>> Read<T, TFound>(RowStatement<T> statement, IReadOnlyList<T> rows, Func<FoundRow, TFound> read)
    {
        var found = new List<TFound>(rows.Count);
        if (rows.Count == 0)
        {
            return found;
        }
        await PutOff(statement, rows);
        try
        {
            // Of all that is sent, it alone answers rows.
            await using var reader = await _batch.ExecuteReaderAsync();
            var row = new Row(reader);
            while (await reader.ReadAsync())
            {
                found.Add(read(row));
            }
        }
        finally
        {
            Forget();
        }
        return found;
    }

    /// <summary>Commits, with what was put off, and counts it in the writer's row; false when it has none.</summary>
    public async Task<bool> Commit(string writer, long number)
    {
        ((NpgsqlParameter<string>)_count.Parameters[0]).TypedValue = writer;
        ((NpgsqlParameter<long>)_count.Parameters[1]).TypedValue = number;
        _batch.BatchCommands.Add(_count);
        _batch.BatchCommands.Add(_commit);
        await Flush();
        return _count.RecordsAffected == 1;
    }

    /// <summary>What was put off will not be done.</summary>
    public void Forget() => _batch.BatchCommands.Clear();

    public void Dispose() => _batch.Dispose();

    internal override async Task Flush()
    {
        if (_batch.BatchCommands.Count == 0)
        {
            return;
        }
        try
        {
            await _batch.ExecuteNonQueryAsync();
        }
        finally
        {
            Forget();
        }
    }

    public override async Task<IReadOnlyList<long>> TakeNumbers(string counter, int count)
    {
        var numbers = new List<long>(count);
        await using var reader = await Prepared("SELECT nextval(@counter::regclass) FROM generate_series(1, @count)", "@counter", "@count")
            .With($"{counter}_numbers", count).Query();
        while (await reader.ReadAsync())
        {
            numbers.Add(reader.GetInt64(0));
        }
        return numbers;
    }

    private async Task PutOff<T>(RowStatement<T> statement, IReadOnlyList<T> rows)
    {
        if (!_commands.TryGetValue(statement, out var command))
        {
            _commands[statement] = command = Make(statement);
        }
        if (_batch.BatchCommands.Contains(command))
        {
            await Flush();
        }
        for (var i = 0; i < statement.Columns.Count; i++)
        {
            var column = statement.Columns[i];
            command.Parameters[i].Value = column.Type switch
            {
                RowType.Number => Values(rows, column.Number),
                RowType.Text => Values(rows, column.Text),
                _ => Values(rows, column.Bytes),
            };
        }
        _batch.BatchCommands.Add(command);
    }

    private static NpgsqlBatchCommand Make<T>(RowStatement<T> statement)
    {
        var arrays = string.Join(", ", statement.Columns.Select((column, i) => $"${i + 1}::{SqlType(column.Type)}[]"));
        var names = string.Join(", ", statement.Columns.Select(column => column.Name));
        var command = new NpgsqlBatchCommand(statement.Sql.Replace("{rows}", $"unnest({arrays}) AS v({names})", StringComparison.Ordinal));
        foreach (var column in statement.Columns)
        {
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | DbType(column.Type) });
        }
        return command;
    }

    private static TValue[] Values<T, TValue>(IReadOnlyList<T> rows, Func<T, TValue> value)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(rows[i]);
        }
        return values;
    }

    private static string SqlType(RowType type) => type switch { RowType.Number => "bigint", RowType.Text => "text", _ => "bytea" };

    private static NpgsqlDbType DbType(RowType type) => type switch
    {
        RowType.Number => NpgsqlDbType.Bigint,
        RowType.Text => NpgsqlDbType.Text,
        _ => NpgsqlDbType.Bytea,
    };

    private sealed class Row(NpgsqlDataReader reader) : FoundRow
    {
        public override bool IsDBNull(int column) => reader.IsDBNull(column);

        public override long GetInt64(int column) => reader.GetInt64(column);

        public override string GetString(int column) => reader.GetString(column);

        public override byte[] GetBytes(int column) => reader.GetFieldValue<byte[]>(column);
    }
}
