using Hookway.Api;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Sources;

/// <summary>What may be set of a source.</summary>
public static class SourceRules
{
    public const int MostNameCharacters = 200;
    public const int MostUrlCharacters = 2048;
    public const int MostSecrets = 10;
    public const int MostSecretCharacters = 16_384;
    public const int MostRetentionDays = 36_500;
    public const int MostRatePerMinute = 1_000_000;

    /// <summary>Adds what is wrong with settings, by field.</summary>
    public static void Check(SourceSettings settings, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(settings.Name) || settings.Name.Length > MostNameCharacters)
        {
            errors.Add("name", $"is required, 1 to {MostNameCharacters} characters");
        }
        if (settings.PublicUrl is { } url && !IsUrl(url))
        {
            errors.Add("publicUrl", $"must be an absolute http or https URL of at most {MostUrlCharacters} characters, without credentials and without a fragment");
        }
        if (settings.RetentionDays is < 1 or > MostRetentionDays)
        {
            errors.Add("retentionDays", $"must be from 1 to {MostRetentionDays}");
        }
        if (settings.RateLimitPerMinute is < 1 or > MostRatePerMinute)
        {
            errors.Add("rateLimitPerMinute", $"must be from 1 to {MostRatePerMinute}");
        }
        settings.Expectations.Check(settings, errors);
        if (SchemeOf(settings, errors) is { } scheme)
        {
            CheckSecrets(settings, scheme, errors);
        }
    }

    /// <summary>The scheme that the settings come to; null when they come to none.</summary>
    private static VerificationScheme? SchemeOf(SourceSettings settings, FieldErrors errors)
    {
        if (VendorCatalog.Find(settings.Vendor) is not { } preset)
        {
            errors.Add("vendor", "is not the key of a vendor that GET /api/v1/ingest/vendors lists");
            return null;
        }
        if (settings.Verification is null)
        {
            return preset.Scheme;
        }
        if (settings.Vendor != VendorCatalog.Custom)
        {
            errors.Add("verification", $"is for custom sources; how {preset.Name} signs is known");
            return null;
        }
        var found = new FieldErrors();
        settings.Verification.Check(found);
        foreach (var (field, messages) in found.Any ? found.ToDictionary() : new Dictionary<string, string[]>())
        {
            Array.ForEach(messages, message => errors.Add(field, message));
        }
        return found.Any ? null : settings.Verification.ToPreset().Scheme;
    }

    private static void CheckSecrets(SourceSettings settings, VerificationScheme scheme, FieldErrors errors)
    {
        const string field = "signingSecret";
        if (settings.Secrets.Count == 0)
        {
            return;
        }
        if (scheme.Algorithm is VerificationAlgorithm.None)
        {
            errors.Add(field, settings.Vendor == VendorCatalog.Custom ? "is of no use without verification, which says how the sender signs" : "is of no use: this vendor does not sign its requests");
            return;
        }
        if (settings.Secrets.Count > MostSecrets)
        {
            errors.Add(field, $"must not be a list of more than {MostSecrets}");
        }
        foreach (var secret in settings.Secrets)
        {
            if (secret.Length > MostSecretCharacters)
            {
                errors.Add(field, $"must have at most {MostSecretCharacters} characters");
            }
            else if (secret.Length > 0 && (char.IsWhiteSpace(secret[0]) || (char.IsWhiteSpace(secret[^1]) && !secret.StartsWith("-----", StringComparison.Ordinal))))
            {
                errors.Add(field, "must not begin or end with white space");
            }
            else if (Verifier.ProblemWith(scheme, secret) is { } problem)
            {
                errors.Add(field, problem);
            }
        }
    }

    private static bool IsUrl(string text) =>
        text.Length <= MostUrlCharacters && Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", UserInfo: "", Fragment: "" };
}
