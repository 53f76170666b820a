using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Sources;

/// <summary>One vendor feed, with its own ingest URL.</summary>
/// <param name="Token">The last part of the ingest URL, which is all that lets a sender in.</param>
/// <param name="PreviousTokens">Those that still open it for a while after a rotation.</param>
public sealed partial record Source(
    long No, string SourceId, long WorkspaceNo, SourceSettings Settings, string Token, IReadOnlyList<PreviousToken> PreviousTokens,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ArchivedAt)
{
    /// <summary>What views of a source depend on.</summary>
    public static string Subject(string sourceId) => "source:" + sourceId;

    public string Subject() => Subject(SourceId);

    /// <summary>The path of its ingest URL.</summary>
    public string IngestPath => $"/ingest/{SourceId}/{Token}";

    /// <summary>The same with the token hidden.</summary>
    public string MaskedPath => $"/ingest/{SourceId}/{Mask}";

    /// <summary>The URL as given to the vendor, which behind a proxy holds a token too, without it: that of now, or one that still opens the source.</summary>
    public string? MaskedPublicUrl => Settings.PublicUrl is { } url ? LikeToken().Replace(url, found => IsToken(found.Value) ? Mask : found.Value) : null;

    /// <summary>What stands for a value that is not shown.</summary>
    public const string Mask = "••••••";

    private const int TokenBytes = 24;

    /// <summary>The vendor's record, with the rules as this source has them; that of a custom source is made of its own description.</summary>
    public VendorPreset Preset => Settings.Expectations.Of(Settings.Verification?.ToPreset() ?? VendorCatalog.Find(Settings.Vendor)!);

    /// <summary>Whether a token opens it now. The comparison takes the same time for every token.</summary>
    public bool IsOpenedBy(string token, DateTimeOffset now)
    {
        var hash = HashOf(token);
        var opens = CryptographicOperations.FixedTimeEquals(hash, HashOf(Token));
        foreach (var previous in PreviousTokens)
        {
            opens |= previous.ExpiresAt > now & CryptographicOperations.FixedTimeEquals(hash, previous.Hash);
        }
        return opens;
    }

    public static string NewToken() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));

    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    private bool IsToken(string text)
    {
        var hash = HashOf(text);
        return text == Token || PreviousTokens.Any(previous => hash.AsSpan().SequenceEqual(previous.Hash));
    }

    [GeneratedRegex("(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")]
    private static partial Regex LikeToken();
}

/// <summary>What people set of a source.</summary>
/// <param name="Vendor">The key of a preset.</param>
/// <param name="Secrets">Any of them may have signed a request; none leaves requests unchecked.</param>
/// <param name="Verification">How the sender of a custom source signs; null for vendors that Hookway knows.</param>
/// <param name="PublicUrl">The URL as given to the vendor, for schemes that sign it; null when that is the ingest URL.</param>
/// <param name="ForwardDuplicates">Forward an event again that the vendor sends again.</param>
/// <param name="Enabled">Otherwise events are kept and not forwarded.</param>
/// <param name="RetentionDays">How long its events are kept, where that is shorter than otherwise.</param>
/// <param name="RateLimitPerMinute">The most requests a minute that are taken; null for no limit.</param>
/// <param name="Expectations">What is expected of its events in another time than usual, or not at all.</param>
public sealed record SourceSettings(
    string Name, string Vendor, IReadOnlyList<string> Secrets, CustomVerification? Verification, string? PublicUrl, bool ForwardDuplicates, bool Enabled,
    int? RetentionDays, int? RateLimitPerMinute, SourceExpectations Expectations);

/// <summary>A token that still opens its source.</summary>
public sealed record PreviousToken(byte[] Hash, DateTimeOffset ExpiresAt);

/// <summary>A source made ready to judge requests; kept in memory.</summary>
/// <param name="Seal">Seals what is secret in the requests of its events.</param>
public sealed record SourceView(Source Source, VendorPreset Preset, Verifier Verifier, EventSeal Seal);

/// <summary>What has come in by a source.</summary>
/// <param name="Events">All that is or was in the ledger.</param>
/// <param name="Duplicates">Of these, those that the vendor had sent before.</param>
/// <param name="Refused">Requests that did not come into the ledger: too large, or too many.</param>
/// <param name="LastEventAt">When the last request came that did.</param>
public sealed record SourceCounts(long Events, long Verified, long Failed, long Unchecked, long Duplicates, long Refused, DateTimeOffset? LastEventAt)
{
    public static SourceCounts None { get; } = new(0, 0, 0, 0, 0, 0, null);
}
