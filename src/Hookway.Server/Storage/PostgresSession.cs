using System.Data.Common;
using Npgsql;
using NpgsqlTypes;

namespace Hookway.Storage;

/// <summary>A writer's session on PostgreSQL: statements over rows run once, over arrays, whatever the number of rows.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection) : WriteSession(connection)
{
    private readonly Dictionary<RowStatement, NpgsqlCommand> _commands = [];

    public override async Task<int> ForEach(RowStatement statement, IReadOnlyList<object?[]> rows) =>
        rows.Count == 0 ? 0 : await Fill(statement, rows).ExecuteNonQueryAsync();

    public override async Task<List<T>> Read<T>(RowStatement statement, IReadOnlyList<object?[]> rows, Func<DbDataReader, T> read)
    {
        var found = new List<T>(rows.Count);
        if (rows.Count == 0)
        {
            return found;
        }
        await using var reader = await Fill(statement, rows).ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            found.Add(read(reader));
        }
        return found;
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

    private NpgsqlCommand Fill(RowStatement statement, IReadOnlyList<object?[]> rows)
    {
        if (!_commands.TryGetValue(statement, out var command))
        {
            _commands[statement] = command = Make(statement);
        }
        for (var i = 0; i < statement.Columns.Count; i++)
        {
            command.Parameters[i].Value = statement.Columns[i].Type switch
            {
                RowType.Number => Column<long?>(rows, i),
                RowType.Text => Column<string?>(rows, i),
                _ => Column<byte[]?>(rows, i),
            };
        }
        return command;
    }

    private NpgsqlCommand Make(RowStatement statement)
    {
        var arrays = string.Join(", ", statement.Columns.Select((column, i) => $"${i + 1}::{SqlType(column.Type)}[]"));
        var names = string.Join(", ", statement.Columns.Select(column => column.Name));
        var command = new NpgsqlCommand(
            statement.Sql.Replace("{rows}", $"unnest({arrays}) AS v({names})", StringComparison.Ordinal), (NpgsqlConnection)Connection);
        foreach (var column in statement.Columns)
        {
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | DbType(column.Type) });
        }
        return command;
    }

    private static T[] Column<T>(IReadOnlyList<object?[]> rows, int at)
    {
        var column = new T[rows.Count];
        for (var i = 0; i < column.Length; i++)
        {
            column[i] = (T)rows[i][at]!;
        }
        return column;
    }

    private static string SqlType(RowType type) => type switch { RowType.Number => "bigint", RowType.Text => "text", _ => "bytea" };

    private static NpgsqlDbType DbType(RowType type) => type switch
    {
        RowType.Number => NpgsqlDbType.Bigint,
        RowType.Text => NpgsqlDbType.Text,
        _ => NpgsqlDbType.Bytea,
    };
}
