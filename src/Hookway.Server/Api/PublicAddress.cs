namespace Hookway.Api;

/// <summary>The server's address as its callers know it: what the operator set or, without that, what this request was sent to.</summary>
public sealed record PublicAddress(string? Configured)
{
    public string Of(HttpRequest request) => Configured ?? $"{request.Scheme}://{request.Host}";

    /// <summary>Whether browsers reach it over https, so that cookies must not travel otherwise.</summary>
    public bool IsSecure(HttpRequest request) => request.IsHttps || Configured?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) is true;
}
