using System.Globalization;
using Hookway.Api;

namespace Hookway.Ui;

/// <summary>Numbers, times and statuses in the words of the pages.</summary>
public static class Words
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>How long ago, or in how long; the script of the pages says it alike.</summary>
    public static string Age(DateTimeOffset at, DateTimeOffset now)
    {
        var seconds = (now - at).TotalSeconds;
        var size = Math.Abs(seconds);
        if (size < 2)
        {
            return "now";
        }
        var text = size < 60 ? $"{(int)size} s" : size < 3600 ? $"{(int)(size / 60)} min" : size < 86400 ? $"{(int)(size / 3600)} h" : $"{(int)(size / 86400)} d";
        return size > 30 * 86400 ? at.UtcDateTime.ToString("d MMM yyyy", Culture) : seconds >= 0 ? text + " ago" : "in " + text;
    }

    /// <summary>A time in full, as a tooltip says it.</summary>
    public static string Full(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy, HH:mm:ss.fff 'UTC'", Culture);

    public static string Clock(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss", Culture);

    public static string Number(long number) => number.ToString("N0", Culture);

    /// <summary>A number that must be short: 12.4k, 3.1M.</summary>
    public static string Brief(double number) =>
        number >= 999_500 ? (number / 1_000_000).ToString("0.#", Culture) + "M" : number >= 10_000 ? (number / 1_000).ToString("0.#", Culture) + "k" : number.ToString("#,0.##", Culture);

    public static string Percent(double? share) => share is { } value ? (value is > 0.999 and < 1 ? "99.9" : (value * 100).ToString("0.#", Culture)) + " %" : "–";

    public static string Milliseconds(double milliseconds) =>
        milliseconds >= 10_000 ? (milliseconds / 1000).ToString("0.#", Culture) + " s" : milliseconds >= 1000 ? (milliseconds / 1000).ToString("0.##", Culture) + " s" : milliseconds.ToString("0", Culture) + " ms";

    public static string Span(TimeSpan span) =>
        span.TotalSeconds < 120 ? Milliseconds(span.TotalMilliseconds) : span.TotalMinutes < 120 ? $"{span.TotalMinutes:0} min" : span.TotalHours < 48 ? $"{span.TotalHours:0.#} h" : $"{span.TotalDays:0.#} d";

    public static string Bytes(long bytes) =>
        bytes < 1024 ? $"{bytes} B" : bytes < 1024 * 1024 ? $"{(bytes / 1024.0).ToString("0.#", Culture)} KiB" : $"{(bytes / 1048576.0).ToString("0.#", Culture)} MiB";

    /// <summary>One or many.</summary>
    public static string Count(long number, string one, string? many = null) => $"{Number(number)} {(number == 1 ? one : many ?? one + "s")}";

    /// <summary>The tone in which a status is shown, and its icon: never the colour alone.</summary>
    public static (string Tone, string Icon) Tone(string status) => status switch
    {
        "succeeded" or "healthy" or "completed" or "verified" or "resolved" or "active" or "enabled" or "published" => ("good", "check"),
        "failed" or "disabled" or "revoked" or "critical" or "error" => ("bad", "cross"),
        "failing" or "open" or "missing" or "warning" or "expired" => ("warn", "alert"),
        "pending" or "running" or "queued" or "preparing" or "acknowledged" => ("info", "clock"),
        "held" or "paused" => ("warn", "pause"),
        "canceled" or "archived" or "ignored" => ("idle", "ban"),
        _ => ("idle", "minus"),
    };

    /// <summary>A stable code as words: <c>endpoint_disabled</c> is "endpoint disabled".</summary>
    public static string OfCode(string code) => code.Replace('_', ' ');

    /// <summary>What a delivery's reason or an attempt's error code means.</summary>
    public static string Reason(string code) => code switch
    {
        "attempts_exhausted" => "every attempt failed",
        "aborted_by_receiver" => "the receiver asked to stop",
        "endpoint_disabled" => "the endpoint was disabled",
        "endpoint_deleted" => "the endpoint was deleted",
        "app_archived" => "the app was archived",
        "canceled" => "a person canceled it",
        "payload_expired" => "its payload is gone",
        "expired" => "it was older than the retention",
        "http_status" => "the receiver answered with an error",
        "timeout" => "the receiver did not answer in time",
        "connection_refused" => "nothing listens at the receiver's address",
        "connection_failed" => "the connection could not be made",
        "dns" => "the host name could not be resolved",
        "tls" => "no secure connection could be made",
        "blocked_address" => "the address may not be called",
        _ => OfCode(code),
    };

    /// <summary>The message of a 400 about a field, as a sentence.</summary>
    public static string Sentence(string message) => message.Length == 0 ? message : char.ToUpperInvariant(message[0]) + message[1..] + (message.EndsWith('.') ? "" : ".");

    /// <summary>A query value's time, for the browser's own control.</summary>
    public static string? ForInput(string? rfc3339) => rfc3339 is not null && Times.TryParse(rfc3339, out var at) ? at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm", Culture) : null;

    /// <summary>The browser's own control gives UTC without saying so.</summary>
    public static string? FromInput(string? text) =>
        string.IsNullOrWhiteSpace(text) ? null : Times.TryParse(text, out var at) ? Times.Format(at)
        : DateTime.TryParse(text, Culture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var local) ? Times.Format(local) : text;
}
