using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.JmesPath;
using Hookway.Webhooks;

namespace Hookway.Ingest.Destinations;

/// <summary>Judges the fields of a destination; each error names its field.</summary>
public sealed class DestinationRules(TargetUrls urls, IsAppInUse isAppInUse)
{
    private const int MostNameCharacters = 200;
    private const int MostEventTypes = 500;
    private const int MostTypeCharacters = 256;
    private const int MostEntityCharacters = 1_024;
    private const int MostValueCharacters = 1_024;
    private const int FewestSecretBytes = 24;
    private const string OwnHeaders = "hookway-";

    /// <summary>Judges what is set.</summary>
    /// <param name="placeIsNew">Only a URL or an app that is given now is judged: one that was good when it was set must not stand in the way of other changes.</param>
    public async Task Check(long workspaceNo, DestinationSettings settings, bool placeIsNew, FieldErrors errors, CancellationToken cancel)
    {
        if (placeIsNew)
        {
            await CheckPlace(workspaceNo, settings, errors, cancel);
        }
        Check(settings, errors);
    }

    /// <summary>What does not depend on anything else; also inside the transaction that merges two changes.</summary>
    public static void Check(DestinationSettings settings, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(settings.Name) || settings.Name.Length > MostNameCharacters)
        {
            errors.Add("name", $"is required, 1 to {MostNameCharacters} characters");
        }
        CheckFilters(settings, errors);
        if (settings.TransformBodyPath is { } path && !BodyPath.TryParse(path, out _))
        {
            errors.Add("transformBodyPath", BodyPath.Form);
        }
        if (settings.TransformExpression is { } expression && JmesExpression.Read(expression).Problem is { } problem)
        {
            errors.Add("transformExpression", problem);
        }
        CustomHeaders.Check(settings.Headers, errors);
        foreach (var name in settings.Headers.Keys.Where(name => name.StartsWith(OwnHeaders, StringComparison.OrdinalIgnoreCase)))
        {
            errors.Add($"headers.{name}", "is set by Hookway and cannot be a custom header");
        }
        RetryFields.Check(settings.RetryMaxAttempts, settings.RetryBackoffSeconds, settings.RateLimitPerMinute, errors);
    }

    /// <summary>The secret that a caller gave; adds what is wrong with it.</summary>
    public static WebhookSecret? SecretOf(string? given, FieldErrors errors)
    {
        if (given is null)
        {
            return null;
        }
        if (!WebhookSecret.TryParse(given, out var secret, out var problem))
        {
            errors.Add("signingSecret", problem);
        }
        else if (!secret.CanSign)
        {
            errors.Add("signingSecret", "must be a whsec_ secret or a whsk_ key: a public key cannot sign");
        }
        else if (secret.Scheme is SignatureScheme.HmacSha256 && Convert.FromBase64String(given["whsec_".Length..]).Length < FewestSecretBytes)
        {
            errors.Add("signingSecret", $"must hold at least {FewestSecretBytes} bytes");
        }
        return secret;
    }

    private async Task CheckPlace(long workspaceNo, DestinationSettings settings, FieldErrors errors, CancellationToken cancel)
    {
        if (settings.AppId is { } appId)
        {
            if (settings.EndpointUrl is not null)
            {
                errors.Add("appId", "must not be given beside endpointUrl");
            }
            else if (!await isAppInUse(workspaceNo, appId))
            {
                errors.Add("appId", "is not an app of this workspace");
            }
        }
        else if (await urls.Objection(settings.EndpointUrl, cancel) is { } objection)
        {
            errors.Add("endpointUrl", objection);
        }
    }

    private static void CheckFilters(DestinationSettings settings, FieldErrors errors)
    {
        if (settings.FilterEventTypes?.Count > MostEventTypes)
        {
            errors.Add("filterEventTypes", $"must be at most {MostEventTypes}");
        }
        for (var i = 0; i < settings.FilterEventTypes?.Count; i++)
        {
            var pattern = settings.FilterEventTypes[i];
            if (pattern.Length > MostTypeCharacters || pattern.AsSpan(0, pattern.Length - 1).Contains('*'))
            {
                errors.Add($"filterEventTypes[{i}]", $"must be a type's name of at most {MostTypeCharacters} characters, or a prefix such as invoice.*");
            }
        }
        if (settings.FilterEntityKey?.Length > MostEntityCharacters)
        {
            errors.Add("filterEntityKey", $"must have at most {MostEntityCharacters} characters");
        }
        if (settings.FilterBodyPath is { } path && !BodyPath.TryParse(path, out _))
        {
            errors.Add("filterBodyPath", BodyPath.Form);
        }
        if (settings.FilterBodyPath is null != settings.FilterBodyValue is null)
        {
            errors.Add(settings.FilterBodyPath is null ? "filterBodyPath" : "filterBodyValue", "is required: a path and the value that must be there");
        }
        else if (settings.FilterBodyValue is { } value && (!RawJson.IsScalar(value) || value.GetRawText().Length > MostValueCharacters))
        {
            errors.Add("filterBodyValue", "must be a text, a number, true, false or null");
        }
    }
}
