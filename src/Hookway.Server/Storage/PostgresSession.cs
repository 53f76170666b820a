using System.Data.Common;
using Npgsql;
using NpgsqlTypes;

namespace Hookway.Storage;

/// <summary>
/// A writer's session on PostgreSQL: statements over rows run once, over arrays, whatever the number of rows. What need not be answered at once is put off, from the beginning of the
/// transaction on, and sent together with the next that must, or with the commit: each way to the server and back is time in which everybody waits.
/// </summary>
internal sealed class PostgresSession(NpgsqlConnection connection) : WriteSession(connection), IDisposable
{
    private readonly Dictionary<object, NpgsqlBatchCommand> _commands = [];
    private readonly NpgsqlBatch _batch = new(connection);
    private readonly Queue<Question> _questions = [];
    private readonly Dictionary<string, Queue<long>> _numbers = new(StringComparer.Ordinal);
    private readonly NpgsqlBatchCommand _begin = new("BEGIN");

    /// <summary>Fails in a transaction that has failed already: its commit would say nothing, and be none.</summary>
    private readonly NpgsqlBatchCommand _check = new("SELECT 1");

    private readonly NpgsqlBatchCommand _commit = new("COMMIT");

    /// <summary>
    /// Where the count is not at the number before, somebody took this transaction for lost: it must not commit. As the first that is done it gives the transaction its id, before any
    /// number is taken from a counter: by it others know what may still come (<see cref="PostgresHorizon"/>).
    /// </summary>
    private readonly NpgsqlBatchCommand _count = new("UPDATE writers SET commits = CASE WHEN commits = $2 - 1 THEN $2 ELSE 1 / (commits - commits) END, at = now() WHERE id = $1")
    {
        Parameters = { new NpgsqlParameter<string>(), new NpgsqlParameter<long>() },
    };

    private readonly NpgsqlBatchCommand _takeNumbers = new("SELECT nextval($1::regclass) FROM generate_series(1, $2)")
    {
        Parameters = { new NpgsqlParameter<string>(), new NpgsqlParameter<int>() },
    };

    /// <summary>Whether the server may know of the transaction.</summary>
    public bool IsSent { get; private set; }

    /// <summary>Whether the server has answered to the beginning of the transaction.</summary>
    public bool HasBegun { get; private set; }

    public override bool HasRowLocks => true;

    /// <summary>What is run on it comes after what was put off.</summary>
    public override DbConnection Connection
    {
        get
        {
            if (_batch.BatchCommands.Count > 0)
            {
                FlushNow();
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
        await PutOff(statement, rows, new Question(row => found.Add(read(row)), () => { }));
        await Flush();
        return found;
    }

    public override Task Ask<T>(RowStatement<T> question, T row, Action<long?> answered)
    {
        long? answer = null;
        return PutOff(question, [row], new Question(found => answer ??= found.IsDBNull(0) ? null : found.GetInt64(0), () => answered(answer)));
    }

    /// <summary>Begins a transaction with the first that is sent of it.</summary>
    /// <param name="number">Its number among those of the writer.</param>
    public void Begin(string writer, long number)
    {
        Forget();
        _numbers.Clear();
        IsSent = false;
        HasBegun = false;
        ((NpgsqlParameter<string>)_count.Parameters[0]).TypedValue = writer;
        ((NpgsqlParameter<long>)_count.Parameters[1]).TypedValue = number;
        _batch.BatchCommands.Add(_begin);
        _batch.BatchCommands.Add(_count);
    }

    /// <summary>Commits, with what was put off; false when the writer has no row in which that counted.</summary>
    public async Task<bool> Commit()
    {
        _batch.BatchCommands.Add(_check);
        _batch.BatchCommands.Add(_commit);
        await Flush();
        return _count.RecordsAffected == 1;
    }

    /// <summary>What was put off will not be done.</summary>
    public void Forget()
    {
        _batch.BatchCommands.Clear();
        _questions.Clear();
    }

    public void Dispose() => _batch.Dispose();

    public override async Task Flush()
    {
        if (_batch.BatchCommands.Count == 0)
        {
            return;
        }
        try
        {
            IsSent = true;
            await using var reader = await _batch.ExecuteReaderAsync();
            var row = new Row(reader);
            // What answers nothing is passed over by the reader: it stands at the answer to the first question, then at the next.
            while (_questions.TryDequeue(out var question))
            {
                while (await reader.ReadAsync())
                {
                    question.Found(row);
                }
                question.Answered();
                await reader.NextResultAsync();
            }
            // To the end, where an error may wait.
            while (await reader.NextResultAsync())
            {
            }
            HasBegun = true;
        }
        finally
        {
            Forget();
        }
    }

    private void FlushNow()
    {
        try
        {
            IsSent = true;
            using var reader = _batch.ExecuteReader();
            var row = new Row(reader);
            while (_questions.TryDequeue(out var question))
            {
                while (reader.Read())
                {
                    question.Found(row);
                }
                question.Answered();
                reader.NextResult();
            }
            while (reader.NextResult())
            {
            }
            HasBegun = true;
        }
        finally
        {
            Forget();
        }
    }

    public override async Task ExpectNumbers(string counter, int count)
    {
        if (_batch.BatchCommands.Contains(_takeNumbers))
        {
            await Flush();
        }
        if (!_numbers.TryGetValue(counter, out var numbers))
        {
            _numbers[counter] = numbers = [];
        }
        ((NpgsqlParameter<string>)_takeNumbers.Parameters[0]).TypedValue = $"{counter}_numbers";
        ((NpgsqlParameter<int>)_takeNumbers.Parameters[1]).TypedValue = count;
        _batch.BatchCommands.Add(_takeNumbers);
        _questions.Enqueue(new Question(row => numbers.Enqueue(row.GetInt64(0)), () => { }));
    }

    public override async Task ForgetNumbers(string counter)
    {
        await Flush();
        _numbers.Remove(counter);
    }

    public override async Task<IReadOnlyList<long>> TakeNumbers(string counter, int count)
    {
        await Flush();
        var missing = count - (_numbers.TryGetValue(counter, out var numbers) ? numbers.Count : 0);
        if (missing > 0)
        {
            await ExpectNumbers(counter, missing);
            await Flush();
        }
        var taken = new long[count];
        for (var i = 0; i < count; i++)
        {
            taken[i] = _numbers[counter].Dequeue();
        }
        return taken;
    }

    private async Task PutOff<T>(RowStatement<T> statement, IReadOnlyList<T> rows, Question? question = null)
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
        if (question is not null)
        {
            _questions.Enqueue(question);
        }
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

    /// <summary>Who waits for the rows of a statement that answers some.</summary>
    private sealed record Question(Action<FoundRow> Found, Action Answered);

    private sealed class Row(NpgsqlDataReader reader) : FoundRow
    {
        public override bool IsDBNull(int column) => reader.IsDBNull(column);

        public override long GetInt64(int column) => reader.GetInt64(column);

        public override string GetString(int column) => reader.GetString(column);

        public override byte[] GetBytes(int column) => reader.GetFieldValue<byte[]>(column);
    }
}
