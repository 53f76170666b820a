using System.Data.Common;

namespace Hookway.Storage;

/// <summary>The writer's connection inside a transaction, with the prepared statements that live as long as it does.</summary>
public abstract class WriteSession(DbConnection connection) : TransactionScope
{
    private readonly Dictionary<string, DbCommand> _prepared = [];

    /// <summary>The connection, for statements that are not worth keeping.</summary>
    public virtual DbConnection Connection { get; } = connection;

    /// <summary>Runs a statement for every row, at the latest before whatever else of the session is run; what is wrong with it may be said then.</summary>
    public abstract Task ForEach<T>(RowStatement<T> statement, IReadOnlyList<T> rows);

    /// <summary>Runs a statement for every row and reads what it answers, in no certain order.</summary>
    public abstract Task<List<TFound>> Read<T, TFound>(RowStatement<T> statement, IReadOnlyList<T> rows, Func<FoundRow, TFound> read);

    /// <summary>
    /// Asks something that need not be known before whatever else of the session is run: where each way to the store is time in which everybody waits, it is sent with that, at the latest
    /// with <see cref="Flush"/> or the commit.
    /// </summary>
    /// <param name="answered">Told the first column of the first row; null when there is none. What is asked at the beginning of a transaction ends that by throwing; later it may come too late.</param>
    public abstract Task Ask<T>(RowStatement<T> question, T row, Action<long?> answered);

    /// <summary>Says that numbers of a counter will be taken soon, so that they may come with whatever is sent next.</summary>
    public virtual Task ExpectNumbers(string counter, int count) => Task.CompletedTask;

    /// <summary>Numbers that are taken from here on are later than all that is committed now, also where some were expected before.</summary>
    public virtual Task ForgetNumbers(string counter) => Task.CompletedTask;

    /// <summary>The next numbers of a counter, rising; never given twice, also not after a rollback on PostgreSQL.</summary>
    public abstract Task<IReadOnlyList<long>> TakeNumbers(string counter, int count);

    /// <summary>A statement kept prepared, with its parameters by position. Give values with <see cref="PreparedStatement.With"/>.</summary>
    public PreparedStatement Prepared(string sql, params ReadOnlySpan<string> parameters)
    {
        if (!_prepared.TryGetValue(sql, out var command))
        {
            command = Connection.CreateCommand();
            command.CommandText = sql;
            foreach (var name in parameters)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = name;
                command.Parameters.Add(parameter);
            }
            _prepared.Add(sql, command);
        }
        return new PreparedStatement(this, command);
    }

    /// <summary>Runs what was put off, and hears what was asked.</summary>
    public virtual Task Flush() => Task.CompletedTask;
}

/// <summary>One execution of a prepared statement.</summary>
public readonly struct PreparedStatement(WriteSession session, DbCommand command)
{
    /// <summary>Sets the parameters in the order they were named.</summary>
    public PreparedStatement With(params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }
        return this;
    }

    public async Task<int> Execute()
    {
        await session.Flush();
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>The first column of the first row, or null when there is no row or the value is null.</summary>
    public async Task<object?> Scalar()
    {
        await session.Flush();
        return await command.ExecuteScalarAsync() is { } value and not DBNull ? value : null;
    }
}
