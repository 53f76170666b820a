using System.Globalization;

namespace Hookway.Ingest.Verification;

/// <summary>Reads the times that vendors write.</summary>
internal static class Timestamps
{
    private const long SmallestMilliseconds = 100_000_000_000;
    private const long SmallestMicroseconds = 100_000_000_000_000;
    private const long SmallestNanoseconds = 100_000_000_000_000_000;
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] IsoForms =
    [
        "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ssK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK",
        "yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd HH:mm:ss zzz", "yyyy-MM-dd HH:mm:ss 'UTC'",
    ];

    /// <summary>A signature's timestamp, in just the unit that it must have; null when it is no such time.</summary>
    public static DateTimeOffset? Strict(string text, TimestampUnit unit) => unit switch
    {
        TimestampUnit.Seconds => FromDigits(text, 1),
        TimestampUnit.Milliseconds => FromDigits(text, 1000),
        TimestampUnit.SecondsOrMilliseconds => FromDigits(text, Digits(text) >= SmallestMilliseconds ? 1000 : 1),
        TimestampUnit.Iso8601 => Iso(text),
        TimestampUnit.HttpDate => HttpDate(text),
        _ => Digits(text) is not null ? Strict(text, TimestampUnit.SecondsOrMilliseconds) : Iso(text) ?? HttpDate(text),
    };

    /// <summary>The time of an event, in whatever form; null for what is no time of this age.</summary>
    public static DateTimeOffset? Lenient(string text)
    {
        var time = FromNumber(text) ?? Iso(text) ?? HttpDate(text);
        return time >= Earliest && time < Latest ? time : null;
    }

    private static long? Digits(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static DateTimeOffset? FromDigits(string text, int perSecond)
    {
        if (Digits(text) is not { } value)
        {
            return null;
        }
        var milliseconds = perSecond == 1 ? value is > 0 and < SmallestMicroseconds ? value * 1000 : -1 : value;
        return milliseconds >= 0 && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }

    private static DateTimeOffset? FromNumber(string text)
    {
        if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }
        var seconds = value switch
        {
            >= SmallestNanoseconds => value / 1_000_000_000,
            >= SmallestMicroseconds => value / 1_000_000,
            >= SmallestMilliseconds => value / 1000,
            _ => value,
        };
        return seconds < Latest.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)) : null;
    }

    private static DateTimeOffset? Iso(string text) =>
        DateTimeOffset.TryParseExact(Shortened(text), IsoForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : null;

    private static DateTimeOffset? HttpDate(string text) =>
        DateTimeOffset.TryParseExact(text, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    /// <summary>.NET reads seven decimals of a second; vendors write up to nine.</summary>
    private static string Shortened(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || text.Length > 40)
        {
            return text;
        }
        var end = dot + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }
        return end - dot > 8 ? text.Remove(dot + 8, end - dot - 8) : text;
    }
}
