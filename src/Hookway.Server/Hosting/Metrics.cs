using System.Net;
using System.Security.Cryptography;
using System.Text;
using Hookway.Api;
using Hookway.Storage;
using OpenTelemetry.Metrics;

namespace Hookway.Hosting;

/// <summary>
/// What the server counts, for Prometheus to scrape at <c>/metrics</c>, and sent by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT names a collector. The page answers requests that come
/// from this machine directly, and others that bring the token of the settings.
/// </summary>
public static class Metrics
{
    private const string CollectorVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Scheme = "Bearer ";

    public static void AddHookwayMetrics(this IServiceCollection services, ServerSettings settings) => services.AddOpenTelemetry().WithMetrics(metrics =>
    {
        metrics.AddMeter(HookwayMeter.Name, "System.Runtime").AddPrometheusExporter();
        if (settings.Source[CollectorVariable] is { Length: > 0 })
        {
            metrics.AddOtlpExporter();
        }
    });

    public static void MapMetrics(this IEndpointRouteBuilder routes) => routes.MapPrometheusScrapingEndpoint("/metrics").Add(endpoint =>
    {
        var scrape = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = http => IsAllowed(http)
            ? scrape(http)
            : Problem.Unauthorized("Give the metrics token (Hookway:MetricsToken): Authorization: Bearer …").ExecuteAsync(http);
    });

    private static bool IsAllowed(HttpContext http)
    {
        var token = http.RequestServices.GetRequiredService<ServerSettings>().MetricsToken;
        var given = http.Request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
        return given is not null && token is not null
            ? CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(token))
            : given is null && IsDirect(http);
    }

    /// <summary>From this machine, and not through a proxy that stands on it for everybody.</summary>
    private static bool IsDirect(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && !http.Request.Headers.ContainsKey("X-Forwarded-For") && !http.Request.Headers.ContainsKey("Forwarded");
}
