namespace Hookway.Deliveries;

/// <summary>
/// The status of what is delivered, a message or an event, which follows from those of its deliveries, worst first: <c>pending</c>, <c>failed</c>, <c>succeeded</c>,
/// <c>canceled</c>; <c>skipped</c> when it has none. Once as a rule, and once as conditions for a search.
/// </summary>
public static class ItemStatus
{
    /// <summary>Every status there is.</summary>
    public static IReadOnlyList<string> All { get; } = ["pending", "failed", "succeeded", "canceled", "skipped"];

    public static string Of(IEnumerable<DeliveryStatus> deliveries)
    {
        var seen = deliveries.ToHashSet();
        return seen.Count == 0 ? "skipped"
            : seen.Contains(DeliveryStatus.Pending) ? "pending"
            : seen.Contains(DeliveryStatus.Failed) ? "failed"
            : seen.Contains(DeliveryStatus.Succeeded) ? "succeeded"
            : "canceled";
    }

    /// <summary>
    /// The place of a row's status in the first four of <see cref="All"/>, as SQL; null without deliveries. One lookup by key for each row: a condition made of EXISTS may be
    /// turned into a join with all deliveries there are.
    /// </summary>
    /// <param name="alias">Of the table whose <c>seq</c> the deliveries name.</param>
    public static string Rank(string alias) =>
        $"(SELECT min(CASE d.status WHEN 0 THEN 0 WHEN 2 THEN 1 WHEN 1 THEN 2 ELSE 3 END) FROM deliveries d WHERE d.message_seq = {alias}.seq)";

    /// <summary>That a row has this status, as SQL.</summary>
    public static string Condition(string status, string alias) => status == All[^1] ? $"{Rank(alias)} IS NULL" : $"{Rank(alias)} = {All.ToList().IndexOf(status)}";
}
