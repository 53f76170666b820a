namespace Hookway.Dispatch.Messages;

/// <summary>Which messages a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
/// <param name="Undelivered">Only those that are not <c>succeeded</c>.</param>
/// <param name="Q">What id, recipient or type must be or begin with; with <paramref name="InPayload"/> what <c>data</c> must hold.</param>
public sealed record MessageFilter(string? Recipient, string? Type, string? Status, long? Since, long? Until, string? Q = null, bool InPayload = false, bool Undelivered = false)
{
    /// <summary>
    /// The status of a message <c>m</c> (<see cref="Message.StatusOf"/>), worst first, as a number; null without deliveries. One lookup by key for each message: a
    /// condition made of EXISTS may be turned into a join with all deliveries there are.
    /// </summary>
    private const string Rank = "(SELECT min(CASE d.status WHEN 0 THEN 0 WHEN 2 THEN 1 WHEN 1 THEN 2 ELSE 3 END) FROM deliveries d WHERE d.message_seq = m.seq)";

    /// <summary>The statuses of a message, each as a condition.</summary>
    public static IReadOnlyDictionary<string, string> Statuses { get; } = new Dictionary<string, string>
    {
        ["pending"] = $"{Rank} = 0",
        ["failed"] = $"{Rank} = 1",
        ["succeeded"] = $"{Rank} = 2",
        ["canceled"] = $"{Rank} = 3",
        ["skipped"] = $"{Rank} IS NULL",
    };

    /// <summary>What must hold of a message <c>m</c> that an index does not tell, but for <see cref="Recipient"/> and <see cref="Q"/>; empty when nothing.</summary>
    public string Conditions => string.Concat(
        Type is null ? "" : " AND m.event_type = @Type",
        Since is null ? "" : " AND m.created_at >= @Since",
        Until is null ? "" : " AND m.created_at < @Until",
        Status is null ? "" : " AND " + Statuses[Status],
        Undelivered ? $" AND coalesce({Rank}, 0) <> 2" : "");
}
