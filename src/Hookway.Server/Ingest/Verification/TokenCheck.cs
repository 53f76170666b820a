using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>Vendors that send the secret itself: as a token, or as user and password.</summary>
internal static class TokenCheck
{
    private const string BasicPrefix = "Basic ";

    public static void Run(VerificationScheme scheme, SignatureReader reader, IReadOnlyList<VerificationKey> keys, Check check)
    {
        if (reader.Values(check) is not { } values)
        {
            return;
        }
        // Where a batch carries the token in each item, each must be right.
        foreach (var value in values)
        {
            if (Token(scheme, value) is not { } token)
            {
                check.Fail(VerdictReasons.SignatureMalformed, $"What stands in {reader.Place} is not {(scheme.Algorithm is VerificationAlgorithm.Basic ? "a user and a password (Basic)" : $"a token behind {scheme.Prefix}")}.");
                return;
            }
            var matches = false;
            foreach (var key in keys)
            {
                if (SignatureBytes.SameText(token, key.Secret))
                {
                    matches = true;
                    check.Matched = key.Secret;
                }
            }
            if (!matches)
            {
                check.Fail(VerdictReasons.TokenMismatch, $"What stands in {reader.Place} is not the source's secret.");
                return;
            }
        }
    }

    private static string? Token(VerificationScheme scheme, string value)
    {
        if (scheme.Algorithm is VerificationAlgorithm.Basic)
        {
            return value.StartsWith(BasicPrefix, StringComparison.OrdinalIgnoreCase) && SignatureBytes.FromBase64(value[BasicPrefix.Length..].Trim()) is { } bytes
                ? Encoding.UTF8.GetString(bytes)
                : null;
        }
        return scheme.Prefix is not { } prefix ? value : value.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? value[prefix.Length..] : null;
    }
}
