namespace Hookway.Storage;

/// <summary>How values are kept: times as Unix milliseconds, flags as 0 and 1.</summary>
public static class Stored
{
    public static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static DateTimeOffset? Time(long? milliseconds) => milliseconds is { } value ? DateTimeOffset.FromUnixTimeMilliseconds(value) : null;

    public static long? Time(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds();

    public static long Flag(bool value) => value ? 1 : 0;
}
