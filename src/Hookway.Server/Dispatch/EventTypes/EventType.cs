using System.Buffers;
using System.Globalization;

namespace Hookway.Dispatch.EventTypes;

/// <summary>A named kind of message that recipients subscribe to, such as <c>invoice.paid</c>.</summary>
/// <param name="ExamplePayload">JSON bytes as they came; sent by an endpoint's test.</param>
/// <param name="Schema">The JSON Schema of its messages' <c>data</c>, as the bytes that came; null when they are not checked.</param>
public sealed record EventType(
    long No, string Name, string? Description, byte[]? ExamplePayload, byte[]? Schema, DateTimeOffset? ArchivedAt, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public const int MostNameCharacters = 128;
    public const int MostDescriptionCharacters = 2_000;

    /// <summary>What a name looks like, for error messages.</summary>
    public const string NameForm = "must be 1 to 128 of A-Z a-z 0-9 _ - . and not . or ..";

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");

    /// <summary>What the view of a type's schema depends on.</summary>
    public static string Subject(long appNo, string name) => string.Create(CultureInfo.InvariantCulture, $"event-type:{appNo}:{name}");

    public static bool IsName(string? name) =>
        name is { Length: >= 1 and <= MostNameCharacters } and not ("." or "..") && name.AsSpan().IndexOfAnyExcept(NameCharacters) < 0;
}
