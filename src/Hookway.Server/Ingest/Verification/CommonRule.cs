namespace Hookway.Ingest.Verification;

/// <summary>A rule that every source has, whatever its vendor. Sources may set its time, where it has one, or switch it off.</summary>
/// <param name="Name">No rule of a vendor is called so.</param>
/// <param name="Within">Its time, where nothing is set; null when it has none.</param>
public sealed record CommonRule(string Name, TimeSpan? Within = null)
{
    /// <summary>An event comes no longer than this after what it tells of.</summary>
    public static CommonRule Late { get; } = new("late", TimeSpan.FromMinutes(15));

    /// <summary>A source is not silent for longer than this, and far longer than ever before; nor does it send far less than usual.</summary>
    public static CommonRule Silence { get; } = new("silence", TimeSpan.FromHours(6));

    /// <summary>Events of a thing come in the order in which they happened.</summary>
    public static CommonRule Order { get; } = new("order");

    /// <summary>An event comes once.</summary>
    public static CommonRule Duplicates { get; } = new("duplicates");

    public static IReadOnlyList<CommonRule> All { get; } = [Late, Silence, Order, Duplicates];
}
