using System.Buffers;

namespace Hookway.Dispatch.Recipients;

/// <summary>One customer of the workspace, by the caller's own id.</summary>
/// <param name="Id">The caller's own string: 1 to 256 of <c>A-Z a-z 0-9 - _ . : @ |</c>.</param>
/// <param name="Metadata">A JSON object as it came; null for none.</param>
/// <param name="DeletedAt">Set when it was deleted and has not come back; its history stays.</param>
public sealed record Recipient(
    long No, long AppNo, string Id, string? Name, byte[]? Metadata, int EndpointCount, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    DateTimeOffset? DeletedAt = null)
{
    public const int MostIdCharacters = 256;
    public const int MostNameCharacters = 200;
    public const int MostMetadataBytes = 16 * 1024;

    /// <summary>What an id looks like, for error messages.</summary>
    public const string IdForm = "must be 1 to 256 of A-Z a-z 0-9 - _ . : @ | and not . or ..";

    /// <summary>What a name looks like, for error messages.</summary>
    public const string NameForm = "must be at most 200 characters";

    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@|");

    /// <summary>A name as searches compare it: without regard to case, alike on both stores.</summary>
    public static string Fold(string name) => name.ToUpperInvariant();

    public static bool IsId(string? id) =>
        id is { Length: >= 1 and <= MostIdCharacters } and not ("." or "..") && id.AsSpan().IndexOfAnyExcept(IdCharacters) < 0;

    /// <summary>What the audit log calls it: an id of the caller's own names it within its app alone.</summary>
    public static string AuditName(string appId, string id) => $"{appId}/recipients/{id}";

    /// <summary>What views of a recipient and its endpoints depend on.</summary>
    public static string Subject(long appNo, string id) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"recipient:{appNo}:{id}");
}
