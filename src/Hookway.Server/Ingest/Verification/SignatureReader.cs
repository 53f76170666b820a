namespace Hookway.Ingest.Verification;

/// <summary>Finds signatures, timestamp and id of a request, where a scheme says that they stand.</summary>
internal sealed class SignatureReader
{
    private const int MostSignatures = 32;
    private const int MostShown = 100;
    private const string PartOfSignature = "part:";

    private readonly VerificationScheme _scheme;
    private readonly IReadOnlyList<ValueSource> _places;
    private readonly string? _timestampPart;
    private readonly ValueSource? _timestamp;
    private readonly ValueSource? _timestampElsewhere;
    private readonly ValueSource? _id;

    public SignatureReader(VerificationScheme scheme)
    {
        _scheme = scheme;
        _places = [.. scheme.Signature.Select(ValueSource.Parse)];
        _timestampPart = scheme.Timestamp?.StartsWith(PartOfSignature, StringComparison.Ordinal) == true ? scheme.Timestamp[PartOfSignature.Length..] : null;
        _timestamp = scheme.Timestamp is { } timestamp && _timestampPart is null ? ValueSource.Parse(timestamp) : null;
        _timestampElsewhere = scheme.TimestampElsewhere is { } elsewhere ? ValueSource.Parse(elsewhere) : null;
        _id = scheme.Id is { } id ? ValueSource.Parse(id) : null;
        Place = string.Join(" or ", _places.Select(place => place.Words));
        AlgorithmName = Words.Of(scheme.Algorithm);
        var isText = scheme.Algorithm is VerificationAlgorithm.Token or VerificationAlgorithm.Basic || scheme.Jwt is not null;
        EncodingName = isText ? null : Words.Of(scheme.Encoding);
        ContentText = isText || scheme.Content.Count + (scheme.ContentCode?.Length ?? 0) == 0 ? null
            : scheme.ContentCode is { } code ? $"as {code} makes it"
            : string.Join(" or ", scheme.Content.Select(content => content.Text));
    }

    /// <summary>Where signatures are looked for, in words.</summary>
    public string Place { get; }

    public string AlgorithmName { get; }

    public string? EncodingName { get; }

    public string? ContentText { get; }

    /// <summary>Reads what the check needs to compare; false when it cannot be compared.</summary>
    public bool Read(Check check)
    {
        if (Values(check) is not { } values)
        {
            return false;
        }
        var parts = values.SelectMany(value => _scheme.Separator is { Length: > 0 } separator
            ? value.Split(separator.ToCharArray(), MostSignatures, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : [value]).Take(MostSignatures).ToList();
        return Decode(check, parts) && ReadTimestamp(check, parts) && ReadId(check);
    }

    /// <summary>The values in which signatures or a token stand; null when there are none, or more than there should be.</summary>
    public IReadOnlyList<string>? Values(Check check)
    {
        var found = new List<string>();
        foreach (var place in _places)
        {
            var values = At(place, check.Request);
            if (values.Count > 1 && !place.IsList)
            {
                check.Fail(VerdictReasons.SignatureRepeated, $"There is more than one value in {place.Words}: which one the sender means cannot be known.");
                return null;
            }
            found.AddRange(values.Select(value => value ?? ""));
        }
        if (found.TrueForAll(value => value.Length == 0))
        {
            check.Fail(VerdictReasons.SignatureMissing, found.Count == 0 ? $"There is nothing in {Place}." : $"There is an empty value in {Place}.");
            return null;
        }
        return found;
    }

    private bool Decode(Check check, List<string> parts)
    {
        var size = VerificationKey.SignatureSize(_scheme.Algorithm);
        var signatures = new List<byte[]>(parts.Count);
        var received = new List<string>(parts.Count);
        foreach (var part in parts)
        {
            var text = _scheme.After is { Length: > 0 } after ? part[(part.LastIndexOf(after, StringComparison.Ordinal) + after.Length)..] : part;
            if (_scheme.Prefix is { } prefix)
            {
                if (!text.StartsWith(prefix, StringComparison.Ordinal))
                {
                    continue;
                }
                text = text[prefix.Length..];
            }
            received.Add(text.Length > MostShown ? text[..MostShown] + "…" : text);
            if (SignatureBytes.Decode(text, _scheme.Encoding) is { } signature && (size is null || signature.Length == size))
            {
                signatures.Add(signature);
            }
        }
        check.Received = received;
        check.Signatures = signatures;
        return signatures.Count > 0 || check.Fail(VerdictReasons.SignatureMalformed, received.Count == 0
            ? $"No part of the value in {Place} begins with {_scheme.Prefix}."
            : $"What stands in {Place} is not a signature: {AlgorithmName} in {EncodingName} was expected{(size is null ? "" : $", of {size} bytes")}.");
    }

    private bool ReadTimestamp(Check check, List<string> parts)
    {
        if (_scheme.Timestamp is null)
        {
            return true;
        }
        IReadOnlyList<string?> found = _timestampPart is { } prefix
            ? [.. parts.Where(part => part.StartsWith(prefix, StringComparison.Ordinal)).Select(part => part[prefix.Length..])]
            : At(_timestamp!, check.Request);
        if (found.Count == 0 && _timestampElsewhere is not null)
        {
            found = At(_timestampElsewhere, check.Request);
        }
        var place = _timestamp?.Words ?? $"the part {_timestampPart} of {Place}";
        if (found.Count > 1)
        {
            return check.Fail(VerdictReasons.TimestampRepeated, $"There is more than one value in {place}.");
        }
        if (found is not [{ Length: > 0 } text])
        {
            return check.Fail(VerdictReasons.TimestampMissing, $"There is no timestamp in {place}.");
        }
        check.Timestamp = text.Length > MostShown ? text[..MostShown] : text;
        check.SignedAt = Timestamps.Strict(text, _scheme.TimestampUnit);
        return check.SignedAt is not null
            || check.Fail(VerdictReasons.TimestampMalformed, $"The value in {place} is not a time in {Words.Of(_scheme.TimestampUnit)}.");
    }

    private bool ReadId(Check check)
    {
        if (_id is null)
        {
            return true;
        }
        var found = At(_id, check.Request);
        check.Id = found.Count == 1 ? found[0] : null;
        return found.Count > 1 ? check.Fail(VerdictReasons.IdRepeated, $"There is more than one value in {_id.Words}.")
            : check.Id is { Length: > 0 } || check.Fail(VerdictReasons.IdMissing, $"There is nothing in {_id.Words}.");
    }

    private IReadOnlyList<string?> At(ValueSource place, VendorRequest request)
    {
        var values = place.All(request);
        if (values.Count > 0 || place.HeaderName is not { } name)
        {
            return values;
        }
        foreach (var (prefix, other) in _scheme.HeaderAliases)
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            {
                return ValueSource.Parse($"header:{other}{name[prefix.Length..]}").All(request);
            }
        }
        return values;
    }
}
