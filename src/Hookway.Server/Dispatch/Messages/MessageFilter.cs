using Hookway.Deliveries;

namespace Hookway.Dispatch.Messages;

/// <summary>Which messages a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
/// <param name="Undelivered">Only those that are not <c>succeeded</c>.</param>
/// <param name="Q">What id, recipient or type must be or begin with; with <paramref name="InPayload"/> what <c>data</c> must hold.</param>
public sealed record MessageFilter(string? Recipient, string? Type, string? Status, long? Since, long? Until, string? Q = null, bool InPayload = false, bool Undelivered = false)
{
    /// <summary>What must hold of a message <c>m</c> that an index does not tell, but for <see cref="Recipient"/> and <see cref="Q"/>; empty when nothing.</summary>
    public string Conditions => string.Concat(
        Type is null ? "" : " AND m.event_type = @Type",
        Since is null ? "" : " AND m.created_at >= @Since",
        Until is null ? "" : " AND m.created_at < @Until",
        Status is null ? "" : " AND " + ItemStatus.Condition(Status, "m"),
        Undelivered ? $" AND coalesce({ItemStatus.Rank("m")}, 0) <> 2" : "");
}
