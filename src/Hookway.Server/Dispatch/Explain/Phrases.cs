using System.Globalization;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Dispatch.Explain;

/// <summary>Words that explanations are made of. A phrase has no full stop, and begins as it would in the middle of a sentence.</summary>
internal static class Phrases
{
    private const int MostUrlCharacters = 100;
    private const int MostListed = 5;

    private static readonly string[] Times = ["never", "once", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times", "nine times", "ten times", "eleven times", "twelve times"];
    private static readonly string[] Numbers = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>" at 2026-01-31 12:00:00 UTC"; nothing when no time was recorded.</summary>
    public static string At(DateTimeOffset? at) => at is { } time ? " at " + Time(time) : "";

    public static string Often(int count) => count < Times.Length ? Times[count] : string.Create(CultureInfo.InvariantCulture, $"{count} times");

    /// <summary>"one endpoint", "two endpoints".</summary>
    public static string Count(int count, string noun) => $"{Count(count)} {noun}{(count == 1 ? "" : "s")}";

    public static string Count(int count) => count < Numbers.Length ? Numbers[count] : count.ToString(CultureInfo.InvariantCulture);

    /// <summary>Where an endpoint is, without the query of its URL, which may hold what is not to be sent on.</summary>
    public static string Place(WebhookEndpoint endpoint)
    {
        var url = endpoint.Settings.Url.Split('?', '#')[0];
        return url.Length <= MostUrlCharacters ? url : url[..(MostUrlCharacters - 1)] + "…";
    }

    /// <summary>A phrase as a sentence. What begins with a name, an id or a URL keeps its case.</summary>
    public static string Sentence(string phrase) =>
        (phrase.StartsWith("the ", StringComparison.Ordinal) || phrase.StartsWith("no ", StringComparison.Ordinal) ? char.ToUpperInvariant(phrase[0]) + phrase[1..] : phrase) + ".";

    /// <summary>"a", "a and b", "a, b and c".</summary>
    public static string List(IReadOnlyList<string> items) => items.Count < 2 ? string.Concat(items) : $"{string.Join(", ", items.Take(items.Count - 1))} and {items[^1]}";

    /// <summary>What a receiver did in attempts that failed, each way with how often: "answered 500 five times and did not answer in time twice".</summary>
    public static string Failures(IEnumerable<AttemptEnd> failures) => List(
        [.. failures.GroupBy(Failure).OrderByDescending(way => way.Count()).Take(MostListed).Select(way => $"{way.Key} {Often(way.Count())}")]);

    private static string Failure(AttemptEnd attempt) => attempt.Outcome switch
    {
        AttemptOutcome.HttpStatus => string.Create(CultureInfo.InvariantCulture, $"answered {attempt.ResponseStatus}"),
        AttemptOutcome.Timeout => "did not answer in time",
        AttemptOutcome.ConnectionRefused => "refused the connection",
        AttemptOutcome.ConnectionFailed => "broke the connection, or could not be reached,",
        AttemptOutcome.Dns => "could not be found by its host name",
        AttemptOutcome.Tls => "failed the TLS handshake",
        AttemptOutcome.BlockedAddress => "was at an address that this server is not allowed to call",
        AttemptOutcome.InvalidResponse => "answered with something that is not HTTP",
        AttemptOutcome.InvalidRequest => "could not be sent a valid request",
        _ => "succeeded",
    };

    /// <summary>Why an endpoint is disabled, as the end of "was disabled …": the reason that was recorded is a sentence.</summary>
    public static string Because(string? reason)
    {
        const string Disabled = "Disabled ";
        var phrase = reason?.TrimEnd('.');
        return string.IsNullOrEmpty(phrase) ? ""
            : phrase.StartsWith(Disabled, StringComparison.Ordinal) ? " " + phrase[Disabled.Length..]
            : $" because {char.ToLowerInvariant(phrase[0])}{phrase[1..]}";
    }

    /// <summary>What an endpoint takes: "only invoice.* and customer.created".</summary>
    public static string Subscription(IReadOnlyList<string>? eventTypes) =>
        eventTypes is null ? "all types" : "only " + List([.. eventTypes.Take(MostListed), .. eventTypes.Count > MostListed ? [$"{eventTypes.Count - MostListed} more"] : Array.Empty<string>()]);

    /// <summary>What a filter asks for: "amount must equal 2 and customer.id must exist".</summary>
    public static string Filter(IReadOnlyList<FilterCondition> conditions) => List([.. conditions.Take(MostListed).Select(condition =>
        condition.BodyPath + (condition.Exists is { } exists ? exists ? " must exist" : " must not exist"
            : condition.EqualTo.IsSet ? $" must equal {RawText(condition.EqualTo.Value)}"
            : $" must be one of {string.Join(", ", (condition.In ?? []).Take(MostListed).Select(RawText))}"))]);

    private static string RawText(System.Text.Json.JsonElement value) => value.ValueKind is System.Text.Json.JsonValueKind.String && RawJson.Text(value) is null ? "a text" : value.GetRawText();
}
