using System.Buffers;

namespace Hookway.Ingest.Verification;

/// <summary>Hands out the certificate (PEM) that is served at a URL; null when it is not at hand. It is asked only for URLs that the scheme allows.</summary>
public delegate byte[]? CertificateLookup(Uri url);

/// <summary>
/// Checks requests by a scheme and the secrets of one source. The one verifier for every vendor: what differs between them is data. It never throws for a request,
/// calls nobody, and the same request gives the same verdict whenever it is checked, since its clock is the time of arrival.
/// </summary>
public sealed class Verifier
{
    private readonly VerificationScheme _scheme;
    private readonly SignatureReader _reader;
    private readonly List<VerificationKey> _keys = [];
    private readonly string? _secretProblem;
    private readonly IReadOnlyList<string> _secrets;
    private readonly Func<VendorRequest, TemplateValues, SignedContent>? _code;
    private readonly IReadOnlyList<ValueSource> _signedOnce;
    private readonly IReadOnlyList<(ValueSource Place, string? Value)> _required;
    private readonly ValueSource? _pin;
    private readonly string _verifiedSentence;

    /// <param name="secrets">Any of them may have signed; none leaves requests unchecked.</param>
    public Verifier(VerificationScheme scheme, IReadOnlyList<string> secrets)
    {
        _scheme = scheme;
        _reader = new SignatureReader(scheme);
        _secrets = secrets;
        foreach (var secret in secrets)
        {
            _keys.AddRange(VerificationKey.Read(scheme, secret, out var problem));
            _secretProblem ??= problem;
        }
        _code = scheme.ContentCode is { } name ? SignedContents.Find(name) : null;
        _signedOnce = [.. scheme.Content.SelectMany(content => content.Sources).Where(source => !source.Text.StartsWith("body:", StringComparison.Ordinal))];
        _required = [.. scheme.Require.Select(pair => (ValueSource.Parse(pair.Key), pair.Value))];
        _pin = scheme.Pin is { } pin ? ValueSource.Parse(pin) : null;
        _verifiedSentence = scheme.Algorithm is VerificationAlgorithm.Token or VerificationAlgorithm.Basic
            ? $"The secret in {_reader.Place} is right; nothing else of the request is vouched for."
            : $"The signature in {_reader.Place} is right.";
    }

    /// <summary>What is wrong with a secret for this scheme, as a sentence that does not repeat it; null when it can be used.</summary>
    public static string? ProblemWith(VerificationScheme scheme, string secret)
    {
        VerificationKey.Read(scheme, secret, out var problem);
        return problem;
    }

    /// <summary>Checks a request.</summary>
    /// <param name="certificates">For schemes whose key comes by a certificate; without it, or when it answers null, the verdict names the certificate.</param>
    public Verdict Verify(VendorRequest request, CertificateLookup? certificates = null)
    {
        if (_scheme.Algorithm is VerificationAlgorithm.None)
        {
            return Verdict.Unchecked(VerdictReasons.NotSigned, "This vendor does not sign its requests.");
        }
        if (_secrets.Count == 0)
        {
            return Verdict.Unchecked(VerdictReasons.NoSecret, "The source has no signing secret, so the signature was not checked.");
        }
        var check = new Check(request);
        if (_keys.Count == 0)
        {
            check.Fail(VerdictReasons.SecretUnusable, _secretProblem!);
        }
        else if (RequirementsHold(check))
        {
            Judge(check, certificates);
        }
        return Result(check);
    }

    private void Judge(Check check, CertificateLookup? certificates)
    {
        switch (_scheme.Algorithm)
        {
            case VerificationAlgorithm.Token or VerificationAlgorithm.Basic:
                TokenCheck.Run(_scheme, _reader, _keys, check);
                break;
            case VerificationAlgorithm.JwtHs256 or VerificationAlgorithm.JwtEs256 or VerificationAlgorithm.JwtRs256:
                JwtCheck.Run(_scheme, _reader, _keys, check);
                break;
            default:
                if (_reader.Read(check) && IsSignedOnce(check) && IsPinned(check) && Matches(check, certificates))
                {
                    JudgeTime(check);
                }
                break;
        }
    }

    private bool RequirementsHold(Check check)
    {
        foreach (var (place, value) in _required)
        {
            var found = place.All(check.Request);
            if (value is null ? place.IsIn(check.Request) : found is not [var only] || only != value)
            {
                return check.Fail(VerdictReasons.ValueUnexpected, value is null ? $"There must be no value in {place.Words}." : $"The value in {place.Words} must be {value}, once.");
            }
        }
        return !_scheme.Json || check.Request.Json.ValueKind is not System.Text.Json.JsonValueKind.Undefined
            || check.Fail(VerdictReasons.ValueUnexpected, "The body is none of the vendor's events. It may be a challenge that this source answered.");
    }

    /// <summary>A value that is there twice could be read as one by us and as the other by the app.</summary>
    private bool IsSignedOnce(Check check)
    {
        foreach (var source in _signedOnce)
        {
            if (source.All(check.Request).Count > 1)
            {
                return check.Fail(VerdictReasons.ValueRepeated, $"There is more than one value in {source.Words}.");
            }
        }
        return true;
    }

    private bool IsPinned(Check check)
    {
        if (_pin is null)
        {
            return true;
        }
        var value = _pin.First(check.Request);
        return (value is not null && _keys.Exists(key => SignatureBytes.SameText(value, key.Secret)))
            || check.Fail(VerdictReasons.ValueUnexpected, $"The value in {_pin.Words} is not one that the source is set up for.");
    }

    private bool Matches(Check check, CertificateLookup? certificates)
    {
        using var certificate = _scheme.Certificate is { } place ? CertificateKey.Find(place, check, certificates) : null;
        if (check.Failed)
        {
            return false;
        }
        foreach (var key in _keys)
        {
            foreach (var content in ContentsFor(check, key))
            {
                var matches = certificate is null
                    ? key.MatchesAny(content.Span, check.Signatures)
                    : check.Signatures.Any(signature => VerificationKey.MatchesCertificate(certificate, _scheme.Algorithm, content.Span, signature));
                if (matches)
                {
                    check.Matched = key.Secret;
                    check.Vouched = content;
                    return true;
                }
            }
            if (check.Failed)
            {
                return false;
            }
        }
        return check.Fail(VerdictReasons.SignatureMismatch, _secrets.Count == 1
            ? "The signature does not match: the request was changed, or was signed with another secret."
            : $"The signature does not match under any of the {_secrets.Count} secrets: the request was changed, or was signed with another one.");
    }

    private List<ReadOnlyMemory<byte>> ContentsFor(Check check, VerificationKey key)
    {
        var values = new TemplateValues(check.Timestamp, check.Id, key.Secret);
        var contents = new List<ReadOnlyMemory<byte>>(1);
        if (_code is not null)
        {
            var made = _code(check.Request, values);
            if (made.Reason is not null)
            {
                check.Fail(made.Reason, made.Sentence!);
            }
            contents.AddRange(made.Candidates.Select(candidate => new ReadOnlyMemory<byte>(candidate)));
            return contents;
        }
        string? absent = null;
        foreach (var template in _scheme.Content)
        {
            if (template.Text == "{body}")
            {
                contents.Add(check.Request.Body);
                continue;
            }
            var buffer = new ArrayBufferWriter<byte>(check.Request.Body.Length + 256);
            if (!template.TryWrite(check.Request, values, buffer, out var missing))
            {
                absent ??= missing;
                continue;
            }
            contents.Add(buffer.WrittenMemory);
        }
        if (contents.Count == 0)
        {
            check.Fail(VerdictReasons.ValueMissing, $"The signature covers {absent}, which is missing.");
        }
        return contents;
    }

    private void JudgeTime(Check check)
    {
        if (_scheme.ToleranceSeconds is not { } tolerance || check.SignedAt is not { } signedAt)
        {
            return;
        }
        var age = check.Request.ReceivedAt - signedAt;
        if (age.TotalSeconds > tolerance)
        {
            check.Fail(VerdictReasons.TimestampTooOld, $"The signature is right, but {Math.Floor(age.TotalSeconds)} s old: more than the {tolerance} s allowed. It may be a replay of an earlier request.");
        }
        else if (age.TotalSeconds < -tolerance)
        {
            check.Fail(VerdictReasons.TimestampTooNew, $"The signature is right, but its time lies {Math.Floor(-age.TotalSeconds)} s ahead: more than the {tolerance} s allowed.");
        }
    }

    private int? MatchedNumber(Check check)
    {
        for (var i = 0; i < _secrets.Count; i++)
        {
            if (_secrets[i] == check.Matched)
            {
                return i + 1;
            }
        }
        return null;
    }

    private Verdict Result(Check check)
    {
        var evidence = new VerificationEvidence(
            _reader.AlgorithmName, _reader.Place, _reader.EncodingName, _reader.ContentText, _secrets.Count, MatchedNumber(check), check.Received, check.Timestamp, check.SignedAt,
            check.SignedAt is { } at ? (check.Request.ReceivedAt - at).TotalSeconds : null, _scheme.ToleranceSeconds);
        return check.Failed
            ? new Verdict(SignatureStatus.Failed, SignatureCoverage.None, check.Reason!, check.Sentence!, evidence, check.Certificate)
            : new Verdict(SignatureStatus.Verified, _scheme.EffectiveCoverage, VerdictReasons.Verified, _verifiedSentence, evidence) { Vouched = check.Vouched };
    }
}

/// <summary>What is found out about one request, step by step. The first failure stands.</summary>
internal sealed class Check(VendorRequest request)
{
    public VendorRequest Request { get; } = request;

    public IReadOnlyList<byte[]> Signatures { get; set; } = [];

    /// <summary>The signatures as they came, fit to be shown.</summary>
    public IReadOnlyList<string> Received { get; set; } = [];

    public string? Timestamp { get; set; }

    public DateTimeOffset? SignedAt { get; set; }

    public string? Id { get; set; }

    public Uri? Certificate { get; set; }

    /// <summary>The secret under which it is genuine.</summary>
    public string? Matched { get; set; }

    /// <summary>What it was made over.</summary>
    public ReadOnlyMemory<byte> Vouched { get; set; }

    public string? Reason { get; private set; }

    public string? Sentence { get; private set; }

    public bool Failed => Reason is not null;

    /// <summary>Always false, so that a step can end with it.</summary>
    public bool Fail(string reason, string sentence)
    {
        if (!Failed)
        {
            Reason = reason;
            Sentence = sentence;
        }
        return false;
    }
}
