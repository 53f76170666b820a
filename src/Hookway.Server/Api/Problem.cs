using System.Text.Json.Serialization;

namespace Hookway.Api;

/// <summary>
/// An error answer: <c>application/problem+json</c> (RFC 9457) with a stable <c>code</c>, the offending fields of a 400, and the request's id.
/// </summary>
/// <param name="Type">A URI reference that names the kind of problem; <c>about:blank#code</c> here, since <c>code</c> says it.</param>
/// <param name="Title">The status in words.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">One sentence about this occurrence.</param>
/// <param name="Code">Stable, snake_case, for programs.</param>
/// <param name="Errors">Field name → what is wrong with it.</param>
/// <param name="RequestId">Also in the <c>Request-Id</c> response header.</param>
public sealed record Problem(
    string Type,
    string Title,
    int Status,
    string Detail,
    string Code,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors,
    string? RequestId) : IResult
{
    /// <summary>The limit that was reached, of a 429; named as in the workspace's limits.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Limit { get; init; }

    /// <summary>When to try again, for the header.</summary>
    [JsonIgnore]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A 400 that names the fields.</summary>
    public static Problem Invalid(FieldErrors errors) =>
        Of(StatusCodes.Status400BadRequest, "invalid_request", errors.Sentence, errors.ToDictionary());

    /// <summary>A 400 about one field.</summary>
    public static Problem Invalid(string field, string message) => Invalid(FieldErrors.Of(field, message));

    /// <summary>A 400 with a code of its own.</summary>
    public static Problem BadRequest(string code, string detail, string? field = null) =>
        Of(StatusCodes.Status400BadRequest, code, detail, field is null ? null : new Dictionary<string, string[]> { [field] = [detail] });

    public static Problem Unauthorized(string detail) => Of(StatusCodes.Status401Unauthorized, "unauthorized", detail);

    public static Problem MissingScope(string scope) =>
        Of(StatusCodes.Status403Forbidden, "missing_scope", $"This needs the scope {scope}, which the API key does not have.");

    /// <summary>Also for what exists in another workspace: its existence is not to be told.</summary>
    public static Problem NotFound(string what) => Of(StatusCodes.Status404NotFound, "not_found", $"There is no such {what} in this workspace.");

    public static Problem TooLarge(string what, long limit) =>
        Of(StatusCodes.Status413PayloadTooLarge, "payload_too_large", $"{what} is over the limit of {limit} bytes.");

    /// <summary>When to look again at a limit that only someone's doing makes room under.</summary>
    public static TimeSpan NotByItself { get; } = TimeSpan.FromHours(1);

    /// <summary>Too many requests in a moment.</summary>
    public static Problem RateLimited(string limit, string detail, TimeSpan retryAfter) =>
        Of(StatusCodes.Status429TooManyRequests, "rate_limited", detail) with { Limit = limit, RetryAfter = retryAfter };

    /// <summary>A plan's limit has been reached.</summary>
    /// <param name="retryAfter">When there is room again by itself.</param>
    public static Problem LimitReached(string limit, string detail, TimeSpan retryAfter) =>
        Of(StatusCodes.Status429TooManyRequests, "limit_reached", detail) with { Limit = limit, RetryAfter = retryAfter };

    public static Problem Of(int status, string code, string detail, IReadOnlyDictionary<string, string[]>? errors = null) =>
        new($"about:blank#{code}", Titles.Of(status), status, detail, code, errors, RequestId: null);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        if (Status is StatusCodes.Status503ServiceUnavailable && response.Headers.RetryAfter.Count == 0)
        {
            response.Headers.RetryAfter = "5";
        }
        if (Status is StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }
        return response.WriteAsJsonAsync(this with { RequestId = httpContext.TraceIdentifier }, ApiJson.Options, "application/problem+json");
    }

    private static class Titles
    {
        public static string Of(int status) => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status) is { Length: > 0 } phrase
            ? phrase
            : "Error";
    }
}

/// <summary>What is wrong with the fields of one request, gathered so that one answer names them all.</summary>
public sealed class FieldErrors
{
    private readonly Dictionary<string, List<string>> _messages = new(StringComparer.Ordinal);

    public bool Any => _messages.Count > 0;

    /// <summary>The first error as a sentence, for <c>detail</c>.</summary>
    public string Sentence => _messages.Select(pair => $"{pair.Key}: {pair.Value[0]}").First();

    public static FieldErrors Of(string field, string message)
    {
        var errors = new FieldErrors();
        errors.Add(field, message);
        return errors;
    }

    public void Add(string field, string message)
    {
        if (!_messages.TryGetValue(field, out var messages))
        {
            _messages[field] = messages = [];
        }
        messages.Add(message);
    }

    public IReadOnlyDictionary<string, string[]> ToDictionary() => _messages.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray());
}
