namespace Hookway.Storage;

/// <summary>How values are kept: times as Unix milliseconds, flags as 0 and 1.</summary>
public static class Stored
{
    public static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static DateTimeOffset? Time(long? milliseconds) => milliseconds is { } value ? DateTimeOffset.FromUnixTimeMilliseconds(value) : null;

    public static long? Time(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds();

    /// <summary>Numbers as a list for <c>IN</c>, which both drivers read alike; of none, a list that nothing is in.</summary>
    public static string List(IEnumerable<long> numbers) => $"({string.Join(',', numbers.DefaultIfEmpty(long.MinValue))})";

    /// <summary>Bytes of which none is not the same as null.</summary>
    public static ReadOnlyMemory<byte>? Bytes(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(bytes);

    public static long Flag(bool value) => value ? 1 : 0;

    /// <summary>
    /// Before a number's column: a condition that is to be checked of what another one finds. Without it SQLite, which keeps no statistics, may take the wrong index of two.
    /// </summary>
    public const string Unindexed = "+";
}
