using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>The key of a signature that names its certificate. The certificate is trusted because of the host that serves it, so only the vendor's hosts will do.</summary>
internal static class CertificateKey
{
    public static RSA? Find(CertificatePlace place, Check check, CertificateLookup? certificates)
    {
        var source = ValueSource.Parse(place.From);
        if (source.All(check.Request) is not [{ Length: > 0 } text])
        {
            check.Fail(VerdictReasons.ValueMissing, $"There must be one value in {source.Words}: the URL of the certificate.");
            return null;
        }
        if (AllowedUrl(place, text) is not { } url)
        {
            check.Fail(VerdictReasons.CertificateRefused, $"The URL in {source.Words} is not one of the vendor's: https on {string.Join(" or ", place.Hosts)} was expected.");
            return null;
        }
        if (certificates?.Invoke(url) is not { } pem)
        {
            check.Certificate = url;
            check.Fail(VerdictReasons.CertificateUnavailable, $"The certificate at {url.Host} is not at hand, so the signature could not be checked.");
            return null;
        }
        return KeyOf(pem, check);
    }

    /// <summary>The URL when it is https, on one of the vendor's hosts, and plain; else null.</summary>
    public static Uri? AllowedUrl(CertificatePlace place, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Query: "", Fragment: "" } && IsOn(url, place.Hosts)
        && (place.PathStart is null || url.AbsolutePath.StartsWith(place.PathStart, StringComparison.Ordinal))
        && (place.PathEnd is null || url.AbsolutePath.EndsWith(place.PathEnd, StringComparison.Ordinal))
            ? url
            : null;

    /// <summary>Whether a URL is https, on the usual port of one of these hosts (<c>*</c> for one label).</summary>
    public static bool IsOn(Uri url, IEnumerable<string> hosts) =>
        url is { Scheme: "https", IsDefaultPort: true, UserInfo: "" } && hosts.Any(host => IsHost(url.Host, host));

    private static RSA? KeyOf(byte[] pem, Check check)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(pem));
            var at = check.Request.ReceivedAt.UtcDateTime;
            if (at < certificate.NotBefore.ToUniversalTime() || at > certificate.NotAfter.ToUniversalTime())
            {
                check.Fail(VerdictReasons.CertificateRefused, "The certificate was not valid when the request arrived.");
                return null;
            }
            if (certificate.GetRSAPublicKey() is { } key)
            {
                return key;
            }
        }
        catch (CryptographicException)
        {
            // What is served there is no certificate; said below.
        }
        check.Fail(VerdictReasons.CertificateRefused, "What is served as the certificate is none with an RSA key, or not one of the vendor's.");
        return null;
    }

    private static bool IsHost(string host, string pattern)
    {
        var labels = host.Split('.');
        var wanted = pattern.Split('.');
        return labels.Length == wanted.Length && labels.Zip(wanted).All(pair => pair.Second == "*" ? pair.First.Length > 0 : pair.First.Equals(pair.Second, StringComparison.OrdinalIgnoreCase));
    }
}
