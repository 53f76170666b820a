using System.Security.Cryptography;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>What is read from a vendor's request, to find it, to route it and to know it again.</summary>
/// <param name="VendorEventId">The vendor's own id of the event; null when it gives none.</param>
/// <param name="Type">What happened; the first of <paramref name="Types"/>.</param>
/// <param name="Types">All that happened: a batch may hold several.</param>
/// <param name="EntityKey">To what it happened; the first of <paramref name="EntityKeys"/>.</param>
/// <param name="OccurredAt">When the vendor says that it happened.</param>
/// <param name="DuplicateKey">
/// What a repetition is known by: the vendor's id, and the content too where several events may bear one id. Without an id the content of one day, which only marks a
/// repetition: equal content may well be another event. Null where the vendor sends equal content for different events.
/// </param>
public sealed record EventFacts(
    string? VendorEventId, string? Type, IReadOnlyList<string> Types, string? EntityKey, IReadOnlyList<string> EntityKeys, DateTimeOffset? OccurredAt, string? DuplicateKey)
{
    /// <summary>The most characters that are kept of a value; a longer one is cut, and its hash put behind, so that it still differs from others.</summary>
    public const int MostCharacters = 256;

    private const long SecondsOfDay = 24 * 60 * 60;

    /// <summary>The vendor's id stands in headers or the query, so that a signature of the body says nothing of it.</summary>
    public bool IsIdOutsideBody { get; init; }

    /// <summary>Reads a request by a vendor's record. It never fails: what is not there is null.</summary>
    public static EventFacts Of(VendorPreset vendor, VendorRequest request)
    {
        var (id, isShared, isOutside) = IdOf(vendor, request);
        var types = All(vendor.EventType, request);
        var entities = All(vendor.EntityKey, request);
        var time = vendor.Time.Select(template => template.For(request) is { } text ? Milliseconds(Timestamps.Lenient(text)) : null).FirstOrDefault(found => found is not null);
        var key = id is not null ? isShared ? $"id:{id}:{ContentHash("", request)}" : "id:" + id
            : vendor.Repeats ? null
            : $"content:{request.ReceivedAt.ToUnixTimeSeconds() / SecondsOfDay}:{ContentHash($"{request.Method}\0{types.FirstOrDefault()}\0{request.QueryText}\0", request)}";
        return new EventFacts(id, types.FirstOrDefault(), types, entities.FirstOrDefault(), entities, time, key) { IsIdOutsideBody = isOutside };
    }

    private static string ContentHash(string before, VendorRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(before));
        if (request.IsMultipart)
        {
            // Its boundary is another one each time.
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\0', request.Form.SelectMany(field => new[] { field.Key, field.Value }))));
        }
        else
        {
            hash.AppendData(request.Body.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The vendor's id, and whether other events may bear it: it is put together of values, is that of a batch's first item, or the vendor says so.</summary>
    private static (string? Id, bool IsShared, bool IsOutside) IdOf(VendorPreset vendor, VendorRequest request)
    {
        foreach (var template in vendor.EventId)
        {
            if (template.For(request) is { } text && !string.IsNullOrWhiteSpace(text))
            {
                return (Kept(text), vendor.IdIsShared || !template.IsOnePlace, template.IsOutsideBody);
            }
        }
        return (null, false, false);
    }

    private static List<string> All(IReadOnlyList<ValueTemplate> templates, VendorRequest request)
    {
        foreach (var template in templates)
        {
            if (template.AllFor(request).Where(text => !string.IsNullOrWhiteSpace(text)).Select(Kept).ToList() is { Count: > 0 } found)
            {
                return found;
            }
        }
        return [];
    }

    /// <summary>As it is stored.</summary>
    private static DateTimeOffset? Milliseconds(DateTimeOffset? time) =>
        time is { } exact ? DateTimeOffset.FromUnixTimeMilliseconds(exact.ToUnixTimeMilliseconds()) : null;

    /// <summary>A value as it is kept.</summary>
    internal static string Kept(string text)
    {
        var clean = text.Contains('\0', StringComparison.Ordinal) ? text.Replace("\0", "\\0", StringComparison.Ordinal) : text;
        if (clean.Length <= MostCharacters)
        {
            return clean;
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(clean)));
        var cut = MostCharacters - hash.Length - 1;
        return $"{clean[..(char.IsHighSurrogate(clean[cut - 1]) ? cut - 1 : cut)]}~{hash}";
    }
}
