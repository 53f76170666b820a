using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Intake;

/// <summary>
/// Whether a fetched certificate is the vendor's: by its name and by the chain to a root, where the vendor's record asks for that (PayPal). Nothing else is fetched for it. Where the certificate's
/// issuer was not served with it the host that served it must do, unless the operator has named the roots.
/// </summary>
/// <param name="roots">Those that the operator trusts; null for the system's.</param>
public sealed class CertificateTrust(X509Certificate2Collection? roots)
{
    public static CertificateTrust From(string? file)
    {
        if (file is null)
        {
            return new CertificateTrust(null);
        }
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(file);
        return new CertificateTrust(roots);
    }

    /// <summary>What is wrong with a certificate, as a sentence; null when nothing is.</summary>
    public string? ProblemWith(byte[] pem, CertificatePlace place, DateTimeOffset at)
    {
        if (place.NameEnd is not { } nameEnd)
        {
            return null;
        }
        var served = new X509Certificate2Collection();
        try
        {
            served.ImportFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException)
        {
            return "It is no certificate.";
        }
        try
        {
            return served.Count == 0 ? "It is no certificate."
                : !served[0].GetNameInfo(X509NameType.DnsName, forIssuer: false).EndsWith(nameEnd, StringComparison.OrdinalIgnoreCase) ? $"Its name does not end with {nameEnd}."
                : ChainProblem(served, at);
        }
        finally
        {
            foreach (var certificate in served)
            {
                certificate.Dispose();
            }
        }
    }

    private string? ChainProblem(X509Certificate2Collection served, DateTimeOffset at)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = at.UtcDateTime;
        chain.ChainPolicy.ExtraStore.AddRange(served);
        if (roots is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        }
        chain.Build(served[0]);
        var problems = chain.ChainStatus.Select(status => status.Status).Where(status => status is not X509ChainStatusFlags.NoError);
        var last = chain.ChainElements[^1].Certificate;
        if (roots is null && !served.Any(other => other.SubjectName.RawData.AsSpan().SequenceEqual(last.IssuerName.RawData)))
        {
            problems = problems.Where(status => status is not X509ChainStatusFlags.PartialChain);
        }
        return problems.ToList() is { Count: > 0 } found ? $"It leads to no trusted root: {string.Join(", ", found)}." : null;
    }
}
