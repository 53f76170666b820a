using System.Text.Json.Serialization;

namespace Hookway.Ingest.Verification;

/// <summary>All that Hookway knows of a vendor: how its requests are checked, what is read from them, what it wants answered, and how to set it up. One record, one file.</summary>
public sealed record VendorPreset
{
    /// <summary>The name of its file, and what sources call it.</summary>
    [JsonIgnore]
    public string Key { get; init; } = "";

    public required string Name { get; init; }

    /// <summary>What kind of vendor it is, to find it in a list.</summary>
    public required string Category { get; init; }

    /// <summary>The vendor's own page about its webhooks.</summary>
    public Uri? Documentation { get; init; }

    /// <summary>What the signing secret is called at the vendor; null when it has none.</summary>
    public string? SecretLabel { get; init; }

    /// <summary>Another vendor whose scheme this one uses.</summary>
    public string? SchemeOf { get; init; }

    public VerificationScheme Scheme { get; init; } = new();

    /// <summary>The vendor's own id of the event: the first of these that is there.</summary>
    public IReadOnlyList<ValueTemplate> EventId { get; init; } = [];

    /// <summary>Several events may bear one id: it tells a repetition only where the content is the same too. So it is of ids that are put together, or of a batch's first item, anyway.</summary>
    public bool IdIsShared { get; init; }

    /// <summary>Events of several types have the same body: it is no sign of a replay under another id unless the type is the same too.</summary>
    public bool BodyIsShared { get; init; }

    /// <summary>It gives no id and says the same of different events, such as that something has changed: equal content is no repetition.</summary>
    public bool Repeats { get; init; }

    /// <summary>What happened.</summary>
    public IReadOnlyList<ValueTemplate> EventType { get; init; } = [];

    /// <summary>To what it happened.</summary>
    public IReadOnlyList<ValueTemplate> EntityKey { get; init; } = [];

    /// <summary>When it happened.</summary>
    public IReadOnlyList<ValueTemplate> Time { get; init; } = [];

    /// <summary>The version of its API by which the event is written; null when it does not say.</summary>
    public ValueTemplate? ApiVersion { get; init; }

    /// <summary>Types after which nothing more is to come: silence is then as it should be.</summary>
    public IReadOnlyList<string> Ends { get; init; } = [];

    /// <summary>Where it says how often it has tried; null when it does not say.</summary>
    public RetryCount? Retry { get; init; }

    /// <summary>What is to be known where the vendor never sends again by itself; null where it does.</summary>
    public NoRetries? NoRetries { get; init; }

    /// <summary>Requests that ask for an answer of their own.</summary>
    public IReadOnlyList<Handshake> Handshakes { get; init; } = [];

    /// <summary>Where secrets stand in the body: the one that shows who sent it, or one that is handed over.</summary>
    [JsonIgnore]
    public IEnumerable<ValueSource> BodySecrets => (Scheme.Algorithm is VerificationAlgorithm.Token ? Scheme.Signature.Select(ValueSource.Parse) : [])
        .Concat(Handshakes.Select(handshake => handshake.Secret).OfType<ValueTemplate>().SelectMany(secret => secret.Sources)).Where(place => !place.IsOutsideBody);

    /// <summary>What an accepted event is answered with; null: the ledger's own answer.</summary>
    public HandshakeAnswer? Accepted { get; init; }

    /// <summary>What a request with a wrong signature is answered with; null: a problem with the status 401.</summary>
    public HandshakeAnswer? Refused { get; init; }

    /// <summary>What should come, and in which order.</summary>
    public IReadOnlyList<GapRule> Rules { get; init; } = [];

    /// <summary>How to set it up, step by step.</summary>
    public IReadOnlyList<string> Setup { get; init; } = [];
}

/// <summary>That a vendor sends once, whatever it is answered.</summary>
/// <param name="Advice">How to have it sent again, as a sentence.</param>
/// <param name="Hook">Where a request says which webhook it is of.</param>
public sealed record NoRetries(string Advice, ValueTemplate? Hook = null);
