using System.Text.RegularExpressions;
using Hookway.Api;
using Hookway.Storage;
using Hookway.Ui;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Hosting;

/// <summary>What every request goes through: an id, an answer in the API's form for whatever goes wrong, a line in the log, and none of it once the server is stopping.</summary>
public sealed partial class RequestPipeline(RequestDelegate next, IdGenerator ids, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<RequestPipeline> log)
{
    private const int LongestPathShown = 1_000;

    public async Task InvokeAsync(HttpContext http)
    {
        var startedAt = clock.GetTimestamp();
        http.TraceIdentifier = ids.New("req");
        http.Response.Headers["Request-Id"] = http.TraceIdentifier;
        var requested = http.Request.Path.Value ?? "";
        if (await Handle(http) is { } problem && !http.Response.HasStarted)
        {
            await (ProblemPages.Of(http, problem) ?? problem).ExecuteAsync(http);
        }
        var status = http.Response.StatusCode;
        var level = status >= StatusCodes.Status400BadRequest ? LogLevel.Information : LogLevel.Debug;
        if (log.IsEnabled(level))
        {
            log.Log(
                level, "{RequestId} {Method} {Path} {Status} in {Milliseconds} ms",
                http.TraceIdentifier, http.Request.Method, ShownPath(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, requested), status, (long)clock.GetElapsedTime(startedAt).TotalMilliseconds);
        }
    }

    private async Task<Problem?> Handle(HttpContext http)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            http.Response.Headers.Connection = "close";
            return Unavailable("The server is stopping.");
        }
        if (HoldsNul(http.Request))
        {
            return Problem.Of(StatusCodes.Status400BadRequest, "invalid_request", "The path and the query must not hold the character U+0000.");
        }
        try
        {
            await next(http);
            return Unanswered(http);
        }
        catch (StorageUnavailableException e)
        {
            log.LogError("{RequestId} was not accepted: {Reason}", http.TraceIdentifier, e.Message);
            return Unavailable(e.Message);
        }
        catch (BadHttpRequestException e)
        {
            return Problem.Of(e.StatusCode, e.StatusCode == StatusCodes.Status413PayloadTooLarge ? "payload_too_large" : "invalid_request", e.Message);
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested || (e.InnerException ?? e) is ConnectionAbortedException or ConnectionResetException)
        {
            return null;
        }
        catch (Exception e)
        {
            log.LogError(e, "{RequestId} met a fault", http.TraceIdentifier);
            return Problem.Of(StatusCodes.Status500InternalServerError, "internal_error", "The server met a fault of its own; the log has it under this request's id.");
        }
    }

    /// <summary>No text of a store can hold it, and PostgreSQL would refuse it later, as a fault.</summary>
    private static bool HoldsNul(HttpRequest request) =>
        request.Path.Value!.Contains('\0', StringComparison.Ordinal)
        || (request.QueryString.Value is { } query && (query.Contains("%00", StringComparison.Ordinal) || query.Contains('\0', StringComparison.Ordinal)));

    /// <summary>The path as it was sent, which is what the log can show: decoded, it may hold what a terminal obeys. Without the query.</summary>
    /// <param name="routed">The same decoded and without its dots, as routing sees it: where a token stands is told by this one, in whatever way it was sent.</param>
    internal static string ShownPath(string target, string routed)
    {
        var sent = target.AsSpan(0, target.AsSpan().IndexOf('?') is >= 0 and var end ? end : target.Length);
        var path = Token().IsMatch(routed) ? Token().Replace(routed, "$1***") : sent;
        return NotShown().Replace(path[..Math.Min(path.Length, LongestPathShown)].ToString(), "?");
    }

    /// <summary>Where a path holds what lets its reader in.</summary>
    [GeneratedRegex("^(/+(?:portal/+|set-up/+|join/+|reset-password/+|ingest/+[^/]*/+))[^/]+", RegexOptions.IgnoreCase)]
    private static partial Regex Token();

    [GeneratedRegex(@"[^\x21-\x7e]")]
    private static partial Regex NotShown();

    /// <summary>Routing answers unknown paths and methods with a bare status: gives it a body.</summary>
    private static Problem? Unanswered(HttpContext http)
    {
        if (http.Response.HasStarted || http.Response.ContentType is not null)
        {
            return null;
        }
        return http.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => Problem.Of(StatusCodes.Status404NotFound, "not_found", "There is no such route. /docs lists them."),
            StatusCodes.Status415UnsupportedMediaType => Problem.Of(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "Send JSON: Content-Type: application/json."),
            StatusCodes.Status405MethodNotAllowed =>
                Problem.Of(StatusCodes.Status405MethodNotAllowed, "method_not_allowed", $"This route does not take {http.Request.Method}."),
            _ => null,
        };
    }

    private static Problem Unavailable(string detail) => Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", detail);
}
