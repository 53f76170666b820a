using System.Collections.Frozen;
using System.Text;

namespace Hookway.Api;

/// <summary>Headers that a caller has sent along with every request to a target. Their values are secrets.</summary>
public static class CustomHeaders
{
    private const int MostHeaders = 20;
    private const int MostValueBytes = 4_096;

    private static readonly FrozenSet<string> Reserved = FrozenSet.ToFrozenSet(
        ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
         "host", "user-agent", "expect"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What stands for a value that is not shown.</summary>
    public const string Mask = "••••••";

    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <summary>Merges headers: absent stays, null removes; names are compared without case.</summary>
    public static IReadOnlyDictionary<string, string> Merge(IReadOnlyDictionary<string, string> old, IReadOnlyDictionary<string, string?>? patch)
    {
        var merged = new Dictionary<string, string>(old, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in patch ?? new Dictionary<string, string?>())
        {
            merged.Remove(name);
            if (value is not null)
            {
                merged[name] = value;
            }
        }
        return merged;
    }

    /// <summary>Judges headers; also inside the transaction that merges them, where two changes come together.</summary>
    public static void Check(IReadOnlyDictionary<string, string> headers, FieldErrors errors)
    {
        if (headers.Count > MostHeaders)
        {
            errors.Add("headers", $"must be at most {MostHeaders}");
        }
        foreach (var (name, value) in headers)
        {
            if (!HeaderNames.IsToken(name))
            {
                errors.Add($"headers.{name}", "is not a header name");
            }
            else if (IsReserved(name))
            {
                errors.Add($"headers.{name}", "is set by Hookway or by HTTP itself and cannot be a custom header");
            }
            else if (!HeaderNames.IsValue(value) || Encoding.UTF8.GetByteCount(value) > MostValueBytes)
            {
                errors.Add($"headers.{name}", $"must be visible ASCII of at most {MostValueBytes} bytes");
            }
        }
    }

    /// <summary>The same names with masked values.</summary>
    public static IReadOnlyDictionary<string, string> Masked(IReadOnlyDictionary<string, string> headers) => headers.ToDictionary(header => header.Key, _ => Mask);

    private static bool IsReserved(string name) => Reserved.Contains(name)
        || name.StartsWith("content-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase);
}
