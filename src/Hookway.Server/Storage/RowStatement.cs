namespace Hookway.Storage;

/// <summary>
/// A statement that is run for many rows at once. Its SQL is written once, with <c>{rows}</c> where the rows stand as a table called <c>v</c> with the columns that are
/// named here: SQLite runs it prepared, row by row; PostgreSQL runs it once over arrays.
/// </summary>
/// <typeparam name="T">What a row is made from; each column says how.</typeparam>
/// <param name="sql">Such as <c>INSERT INTO t (a) SELECT v.a FROM {rows}</c>.</param>
public class RowStatement<T>(string sql)
{
    private readonly List<RowColumn<T>> _columns = [];

    public string Sql { get; } = sql;
    public IReadOnlyList<RowColumn<T>> Columns => _columns;

    /// <summary>Adds a column that holds a 64-bit number.</summary>
    public RowStatement<T> Number(string name, Func<T, long?> value) => With(new RowColumn<T>(name, RowType.Number) { Number = value });

    /// <summary>Adds a column that holds a text.</summary>
    public RowStatement<T> Text(string name, Func<T, string?> value) => With(new RowColumn<T>(name, RowType.Text) { Text = value });

    /// <summary>Adds a column that holds bytes.</summary>
    public RowStatement<T> Bytes(string name, Func<T, ReadOnlyMemory<byte>?> value) => With(new RowColumn<T>(name, RowType.Bytes) { Bytes = value });

    private protected RowStatement<T> With(RowColumn<T> column)
    {
        _columns.Add(column);
        return this;
    }
}

/// <summary>A statement whose rows are arrays of values, in the order of its columns; for what is not on the way of every message.</summary>
public sealed class RowStatement : RowStatement<object?[]>
{
    public RowStatement(string sql, params ReadOnlySpan<RowColumn> columns) : base(sql)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            var at = i;
            _ = columns[i].Type switch
            {
                RowType.Number => Number(columns[i].Name, row => (long?)row[at]),
                RowType.Text => Text(columns[i].Name, row => (string?)row[at]),
                _ => Bytes(columns[i].Name, row => Stored.Bytes(row[at] as byte[])),
            };
        }
    }

    public static RowColumn Number(string name) => new(name, RowType.Number);

    public static RowColumn Text(string name) => new(name, RowType.Text);

    public static RowColumn Bytes(string name) => new(name, RowType.Bytes);
}

/// <summary>The name and the kind of a column.</summary>
public readonly record struct RowColumn(string Name, RowType Type);

/// <summary>A column and how its value is made; of the three, the one of its type is set.</summary>
public sealed record RowColumn<T>(string Name, RowType Type)
{
    public Func<T, long?> Number { get; init; } = static _ => null;
    public Func<T, string?> Text { get; init; } = static _ => null;
    public Func<T, ReadOnlyMemory<byte>?> Bytes { get; init; } = static _ => null;
}

/// <summary>What a column holds: a 64-bit number, a text or bytes; null in each.</summary>
public enum RowType
{
    Number,
    Text,
    Bytes,
}

/// <summary>A row that a statement answers, valid until the next is read.</summary>
public abstract class FoundRow
{
    public abstract bool IsDBNull(int column);

    public abstract long GetInt64(int column);

    public abstract string GetString(int column);

    public abstract byte[] GetBytes(int column);
}
