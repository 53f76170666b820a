namespace Hookway.Deliveries;

/// <summary>Judges the URLs of targets when they are set. Where one leads is looked at again whenever it is called.</summary>
public sealed class TargetUrls(AddressGuard guard, TargetOptions options)
{
    private const int MostCharacters = 2_048;

    /// <summary>Why a URL cannot be a target's, as the end of a sentence; null when it can.</summary>
    public async Task<string?> Objection(string? text, CancellationToken cancel)
    {
        if (text is not { Length: > 0 and <= MostCharacters } || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
        {
            return $"is required: an absolute http or https URL of at most {MostCharacters} characters";
        }
        if (options.RequireHttps && url.Scheme != "https")
        {
            return "must be https";
        }
        return url.UserInfo.Length > 0 ? "must not hold credentials; use headers" : await guard.Refusal(url, cancel);
    }
}

/// <summary>What the operator asks of the URLs of targets.</summary>
public sealed record TargetOptions
{
    public bool RequireHttps { get; init; }
}
