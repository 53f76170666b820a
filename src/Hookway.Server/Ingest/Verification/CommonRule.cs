namespace Hookway.Ingest.Verification;

/// <summary>A rule that every source has, whatever its vendor. Sources may set its time, where it has one, or switch it off.</summary>
/// <param name="Name">No rule of a vendor is called so.</param>
/// <param name="Within">Its time, where nothing is set; null when it has none.</param>
public sealed record CommonRule(string Name, TimeSpan? Within = null)
{
    /// <summary>An event comes no longer than this after what it tells of; where nothing is set, also no longer than three times what is usual of the source.</summary>
    public static CommonRule Late { get; } = new("late", TimeSpan.FromMinutes(15));

    /// <summary>A source is not silent for longer than this, and far longer than ever before; nor does it send far less than usual.</summary>
    public static CommonRule Silence { get; } = new("silence", TimeSpan.FromHours(6));

    /// <summary>Events of a thing come in the order in which they happened.</summary>
    public static CommonRule Order { get; } = new("order");

    /// <summary>An event comes once.</summary>
    public static CommonRule Duplicates { get; } = new("duplicates");

    /// <summary>An event comes at the first try, where the vendor says which one it is.</summary>
    public static CommonRule Retries { get; } = new("retries");

    /// <summary>Events look as they always did: the types, the fields, the version of the vendor's API.</summary>
    public static CommonRule Schema { get; } = new("schema");

    /// <summary>A server runs whenever a vendor sends that does not send again.</summary>
    public static CommonRule Downtime { get; } = new("downtime");

    public static IReadOnlyList<CommonRule> All { get; } = [Late, Silence, Order, Duplicates, Retries, Schema, Downtime];
}
