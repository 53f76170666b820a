using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Hosting;

/// <summary>What every request goes through: an id, an answer in the API's form for whatever goes wrong, a line in the log, and none of it once the server is stopping.</summary>
public sealed class RequestPipeline(RequestDelegate next, IdGenerator ids, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<RequestPipeline> log)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var startedAt = clock.GetTimestamp();
        http.TraceIdentifier = ids.New("req");
        http.Response.Headers["Request-Id"] = http.TraceIdentifier;
        if (await Handle(http) is { } problem && !http.Response.HasStarted)
        {
            await problem.ExecuteAsync(http);
        }
        var status = http.Response.StatusCode;
        var level = status >= StatusCodes.Status400BadRequest ? LogLevel.Information : LogLevel.Debug;
        if (log.IsEnabled(level))
        {
            log.Log(
                level, "{RequestId} {Method} {Path} {Status} in {Milliseconds} ms",
                http.TraceIdentifier, http.Request.Method, http.Request.Path.Value, status, (long)clock.GetElapsedTime(startedAt).TotalMilliseconds);
        }
    }

    private async Task<Problem?> Handle(HttpContext http)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            http.Response.Headers.Connection = "close";
            return Unavailable("The server is stopping.");
        }
        try
        {
            await next(http);
            return Unanswered(http);
        }
        catch (StorageUnavailableException e)
        {
            log.LogError("{RequestId} was not accepted: {Reason}", http.TraceIdentifier, e.Message);
            return Unavailable("It could not be made durable, and nothing was stored.");
        }
        catch (BadHttpRequestException e)
        {
            return Problem.Of(e.StatusCode, e.StatusCode == StatusCodes.Status413PayloadTooLarge ? "payload_too_large" : "invalid_request", e.Message);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            log.LogError(e, "{RequestId} met a fault", http.TraceIdentifier);
            return Problem.Of(StatusCodes.Status500InternalServerError, "internal_error", "The server met a fault of its own; the log has it under this request's id.");
        }
    }

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
