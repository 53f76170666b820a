using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Webhooks;

namespace Hookway.Dispatch.Endpoints;

/// <summary>Judges the fields of an endpoint; each error names its field.</summary>
public sealed class EndpointRules(TargetUrls urls)
{
    private const int MostNameCharacters = 200;
    private const int MostEventTypes = 500;
    private const int FewestSecretBytes = 24;

    /// <param name="urlIsNew">Only a URL that is given now is judged: one that was good when it was set must not stand in the way of other changes.</param>
    public async Task Check(EndpointSettings settings, bool urlIsNew, FieldErrors errors, CancellationToken cancel)
    {
        if (urlIsNew && await urls.Objection(settings.Url, cancel) is { } objection)
        {
            errors.Add("url", objection);
        }
        if (settings.Name?.Length > MostNameCharacters)
        {
            errors.Add("name", $"must be at most {MostNameCharacters} characters");
        }
        CheckEventTypes(settings.EventTypes, errors);
        CustomHeaders.Check(settings.Headers, errors);
        RetryFields.Check(settings.RetryMaxAttempts, settings.RetryBackoffSeconds, settings.RateLimitPerMinute, errors);
    }

    /// <summary>The secret that a caller gave or, given none, a new one; adds what is wrong.</summary>
    public static WebhookSecret? SecretOf(string? given, string? signature, FieldErrors errors)
    {
        if (signature is not (null or SignatureNames.Hmac or SignatureNames.Ed25519))
        {
            errors.Add("signature", $"must be {SignatureNames.Hmac} or {SignatureNames.Ed25519}");
            return null;
        }
        var scheme = signature == SignatureNames.Ed25519 ? SignatureScheme.Ed25519 : SignatureScheme.HmacSha256;
        if (given is null)
        {
            return WebhookSecret.Generate(scheme);
        }
        if (!WebhookSecret.TryParse(given, out var secret, out var problem))
        {
            errors.Add("secret", problem!);
        }
        else if (secret!.Scheme != scheme || !secret.CanSign)
        {
            errors.Add("secret", scheme is SignatureScheme.Ed25519 ? "must be a whsk_ key for ed25519" : "must be a whsec_ secret for hmac-sha256");
        }
        else if (scheme is SignatureScheme.HmacSha256 && Convert.FromBase64String(given["whsec_".Length..]).Length < FewestSecretBytes)
        {
            errors.Add("secret", $"must hold at least {FewestSecretBytes} bytes");
        }
        return secret;
    }

    private static void CheckEventTypes(IReadOnlyList<string>? eventTypes, FieldErrors errors)
    {
        if (eventTypes?.Count > MostEventTypes)
        {
            errors.Add("eventTypes", $"must be at most {MostEventTypes}");
        }
        for (var i = 0; i < eventTypes?.Count; i++)
        {
            if (!EndpointSettings.IsPattern(eventTypes[i]))
            {
                errors.Add($"eventTypes[{i}]", "must be an event type's name, or a prefix such as invoice.*");
            }
        }
    }
}
