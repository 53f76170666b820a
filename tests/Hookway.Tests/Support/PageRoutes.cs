using Hookway.Dashboard;
using Hookway.Portal;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Hookway.Tests.Support;

/// <summary>The pages that a server has, by its routes: the addresses that a test looks at are held to them, so that no page is forgotten.</summary>
public static class PageRoutes
{
    /// <summary>What is asked for as pages are, and is none: it leads on, goes on without end, or is a file.</summary>
    private static readonly string[] NoPages =
    [
        "/", "/w/{workspaceId}/apps/{appId}", "/w/{workspaceId}/apps/{appId}/messages/live", "/w/{workspaceId}/explain", "/w/{workspaceId}/ingest/events/live", "/w/{workspaceId}/ingest/events/{eventId}/body",
        "/portal/{token}/theme.css",
    ];

    /// <summary>The pages to which none of these addresses leads.</summary>
    public static IReadOnlyList<string> Missing(TestServer server, IEnumerable<string> addresses)
    {
        var routes = Of(server, "GET");
        var found = addresses.Select(address => Leads(routes, address)).ToHashSet();
        return [.. routes.Select(NameOf).Except(NoPages).Where(name => !found.Contains(name))];
    }

    /// <summary>The name of the route among those of this method to which an address leads: the one with most of its words.</summary>
    public static string? NameOf(TestServer server, string method, string address) => Leads(Of(server, method), address);

    private static List<RouteEndpoint> Of(TestServer server, string method) => [.. server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(route =>
        (route.Metadata.GetMetadata<DashboardPage>() is not null || route.Metadata.GetMetadata<PortalPage>() is not null)
        && route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(method) is true)];

    private static string NameOf(RouteEndpoint route) => "/" + string.Join('/', route.RoutePattern.PathSegments.Select(segment => segment.Parts.Single() switch
    {
        RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
        var part => ((RoutePatternLiteralPart)part).Content,
    }));

    private static string? Leads(List<RouteEndpoint> routes, string address)
    {
        var parts = address.Split('?')[0].Trim('/').Split('/', StringSplitOptions.RemoveEmptyEntries);
        return routes.Where(route => Fits(route.RoutePattern, parts)).MaxBy(route => route.RoutePattern.PathSegments.Count(segment => segment.Parts[0] is RoutePatternLiteralPart)) is { } found ? NameOf(found) : null;
    }

    private static bool Fits(RoutePattern pattern, string[] parts)
    {
        var segments = pattern.PathSegments;
        if (segments.Count > 0 && segments[^1].Parts[0] is RoutePatternParameterPart { IsCatchAll: true } ? parts.Length < segments.Count : parts.Length != segments.Count)
        {
            return false;
        }
        return segments.Zip(parts).All(pair => pair.First.Parts.Single() switch
        {
            RoutePatternLiteralPart literal => literal.Content == pair.Second,
            RoutePatternParameterPart { ParameterPolicies: [{ Content: { } rule }, ..] } when rule.StartsWith("regex(", StringComparison.Ordinal) => System.Text.RegularExpressions.Regex.IsMatch(pair.Second, rule["regex(".Length..^1]),
            _ => true,
        });
    }
}
