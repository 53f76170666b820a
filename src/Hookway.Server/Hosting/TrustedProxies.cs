using System.Net;

namespace Hookway.Hosting;

/// <summary>
/// Takes from trusted proxies what they say of a request: who sent it, over which scheme and to which host. In a request of anybody else it is what anybody can write, and stays unread.
/// </summary>
public sealed class TrustedProxies(RequestDelegate next, ServerSettings settings)
{
    private const string ForHeader = "X-Forwarded-For";
    private const string ProtoHeader = "X-Forwarded-Proto";
    private const string HostHeader = "X-Forwarded-Host";

    public Task InvokeAsync(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is { } peer && IsTrusted(peer))
        {
            Take(http, peer);
        }
        return next(http);
    }

    private void Take(HttpContext http, IPAddress peer)
    {
        // Each proxy adds at the end whom it got the request from: from the nearest on, as far as they are trusted.
        var senders = Parts(http.Request, ForHeader);
        var (sender, steps) = (peer, 0);
        while (steps < senders.Length && IsTrusted(sender) && AddressOf(senders[^(steps + 1)]) is { } before)
        {
            (sender, steps) = (before, steps + 1);
        }
        http.Connection.RemoteIpAddress = sender;
        if (Said(ProtoHeader)?.ToLowerInvariant() is ("http" or "https") and var scheme)
        {
            http.Request.Scheme = scheme;
        }
        if (Said(HostHeader) is { } host && IsHost(host))
        {
            http.Request.Host = new HostString(host);
        }

        // Where every proxy adds its own, that of the outermost trusted one; else that of the nearest, who let the others' through or wrote over them.
        string? Said(string header) => Parts(http.Request, header) switch
        {
            [] => null,
            var all when all.Length == senders.Length && steps > 0 => all[^steps],
            var all => all[^1],
        };
    }

    private bool IsTrusted(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return settings.TrustedProxies.Any(range => range.Contains(plain));
    }

    private static string[] Parts(HttpRequest request, string header) =>
        [.. request.Headers[header].SelectMany(line => (line ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    /// <summary>Some proxies add the port.</summary>
    private static IPAddress? AddressOf(string text) => IPEndPoint.TryParse(text, out var sender) ? sender.Address : null;

    private static bool IsHost(string text) =>
        !text.AsSpan().ContainsAnyExceptInRange('!', '~') && text.AsSpan().IndexOfAny("/\\?#@") < 0 && Uri.TryCreate("http://" + text, UriKind.Absolute, out var url) && url.Host.Length > 0;
}
