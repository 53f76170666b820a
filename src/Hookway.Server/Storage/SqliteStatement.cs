using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Hookway.Storage;

/// <summary>
/// A prepared statement of SQLite, used without ADO.NET: values are bound as they are and rows are read in place, which costs a third of a command and its parameters.
/// </summary>
internal sealed class SqliteStatement : FoundRow, IDisposable
{
    private const int StackText = 512;

    private readonly sqlite3 _connection;
    private readonly sqlite3_stmt _statement;

    public SqliteStatement(sqlite3 connection, string sql)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v3(connection, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <summary>Gives the parameter with this number, from 1, a value.</summary>
    public void Bind(int parameter, long? value) =>
        Check(value is { } number ? raw.sqlite3_bind_int64(_statement, parameter, number) : raw.sqlite3_bind_null(_statement, parameter));

    /// <inheritdoc cref="Bind(int, long?)"/>
    public void Bind(int parameter, string? value)
    {
        if (value is null)
        {
            Check(raw.sqlite3_bind_null(_statement, parameter));
            return;
        }
        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        var text = most <= StackText ? stackalloc byte[StackText] : new byte[most];
        Check(raw.sqlite3_bind_text(_statement, parameter, text[..Encoding.UTF8.GetBytes(value, text)]));
    }

    /// <inheritdoc cref="Bind(int, long?)"/>
    public void Bind(int parameter, ReadOnlyMemory<byte>? value) => Check(
        value is not { } bytes ? raw.sqlite3_bind_null(_statement, parameter)
        : bytes.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, parameter, 0)
        : raw.sqlite3_bind_blob(_statement, parameter, bytes.Span));

    /// <summary>Moves to the next row; at the end, makes the statement ready to be run again.</summary>
    public bool Step()
    {
        var result = raw.sqlite3_step(_statement);
        if (result == raw.SQLITE_ROW)
        {
            return true;
        }
        raw.sqlite3_reset(_statement);
        Check(result == raw.SQLITE_DONE ? raw.SQLITE_OK : result);
        return false;
    }

    /// <summary>Runs it to its end.</summary>
    public void Run()
    {
        while (Step())
        {
        }
    }

    /// <summary>Makes it ready to be run again before it has come to its end.</summary>
    public void Reset() => raw.sqlite3_reset(_statement);

    public override bool IsDBNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    public override long GetInt64(int column) => raw.sqlite3_column_int64(_statement, column);

    public override string GetString(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string();

    public override byte[] GetBytes(int column) => raw.sqlite3_column_blob(_statement, column).ToArray();

    public void Dispose() => _statement.Dispose();

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection);
}
