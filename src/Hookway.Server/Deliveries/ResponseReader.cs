using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Hookway.Deliveries;

/// <summary>Takes from a response what an attempt keeps, and never more than its bounds.</summary>
internal static class ResponseReader
{
    private const int KeptBody = 16 * 1024;
    private const int ReadBody = 64 * 1024;
    private const int KeptHeaders = 100;
    private const int KeptHeaderText = 16 * 1024;

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(24);
    private static readonly SearchValues<char> Controls = SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(c => (char)c).Where(char.IsControl)]);
    private static readonly string[] HttpDates = ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];

    public static IReadOnlyList<KeyValuePair<string, string>> Headers(HttpResponseMessage response)
    {
        var (general, content) = (response.Headers.NonValidated, response.Content.Headers.NonValidated);
        var kept = new List<KeyValuePair<string, string>>(Math.Min(general.Count + content.Count, KeptHeaders));
        var room = KeptHeaderText;
        if (Keep(general, kept, ref room))
        {
            Keep(content, kept, ref room);
        }

        return kept;
    }

    /// <summary>
    /// The beginning of the body, and a sentence if it did not end well. A body that ended leaves its connection for the next
    /// request; any other costs the connection.
    /// </summary>
    public static async ValueTask<(byte[] Kept, string? Remark)> Body(HttpResponseMessage response, CancellationToken deadline)
    {
        if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
        {
            return ([], null);
        }

        var buffer = ArrayPool<byte>.Shared.Rent(KeptBody);
        var (filled, read, remark) = (0, 0, (string?)null);
        byte[]? kept = null;
        try
        {
            var body = await response.Content.ReadAsStreamAsync(deadline);
            while (read < ReadBody)
            {
                var count = await body.ReadAsync(buffer.AsMemory(filled, KeptBody - filled), deadline);
                if (count == 0)
                {
                    break;
                }

                read += count;
                filled += count;
                if (filled == KeptBody)
                {
                    kept ??= buffer.AsSpan(0, KeptBody).ToArray();
                    filled = 0;
                }
            }
        }
        catch (OperationCanceledException)
        {
            remark = "The status came, but the response body did not end in time.";
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            remark = "The status came, but the response body was cut off or badly framed.";
        }

        kept ??= filled == 0 ? [] : buffer.AsSpan(0, filled).ToArray();
        ArrayPool<byte>.Shared.Return(buffer);
        return (kept, remark);
    }

    /// <summary>The wait asked for by a 429 or 503, in seconds or as a date; what cannot be read asks for nothing.</summary>
    public static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider clock)
    {
        if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
            || !response.Headers.NonValidated.TryGetValues("Retry-After", out var values))
        {
            return null;
        }

        var text = values.First().AsSpan().Trim();
        if (text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9'))
        {
            return uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? Bounded(TimeSpan.FromSeconds(seconds))
                : LongestRetryAfter;
        }

        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite;
        return DateTimeOffset.TryParseExact(text, HttpDates, CultureInfo.InvariantCulture, Utc, out var date)
            ? Bounded(date - clock.GetUtcNow())
            : null;
    }

    public static ResponseDirective Directive(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.Gone)
        {
            return ResponseDirective.DisableTarget;
        }

        var directive = ResponseDirective.None;
        if (response.Headers.NonValidated.TryGetValues("webhook-delivery", out var values))
        {
            foreach (var value in values)
            {
                directive = value.Trim().ToUpperInvariant() switch
                {
                    "DISABLE" => ResponseDirective.DisableTarget,
                    "ABORT-MESSAGE" when directive == ResponseDirective.None => ResponseDirective.AbortMessage,
                    _ => directive,
                };
            }
        }

        return directive;
    }

    /// <summary>Text from outside without control characters: a store may refuse them, and a terminal obey them.</summary>
    public static string Clean(string text) =>
        text.AsSpan().ContainsAny(Controls)
            ? string.Create(text.Length, text, static (clean, dirty) => dirty.AsSpan().ReplaceAny(clean, Controls, ' '))
            : text;

    private static bool Keep(HttpHeadersNonValidated headers, List<KeyValuePair<string, string>> kept, ref int room)
    {
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                room -= name.Length + value.Length;
                if (room < 0 || kept.Count == KeptHeaders)
                {
                    return false;
                }

                kept.Add(new(name, Clean(value)));
            }
        }

        return true;
    }

    private static TimeSpan Bounded(TimeSpan wait) =>
        wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestRetryAfter ? LongestRetryAfter : wait;
}
