namespace Hookway.Dispatch.Messages;

/// <summary>Which messages a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
/// <param name="Q">What id, recipient or type must be or begin with; with <paramref name="InPayload"/> what <c>data</c> must hold.</param>
public sealed record MessageFilter(string? Recipient, string? Type, string? Status, long? Since, long? Until, string? Q = null, bool InPayload = false)
{
    private const string Any = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq)";
    private const string Pending = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 0)";
    private const string Succeeded = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 1)";
    private const string Failed = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 2)";

    /// <summary>The statuses of a message (<see cref="Message.StatusOf"/>), each as a condition.</summary>
    public static IReadOnlyDictionary<string, string> Statuses { get; } = new Dictionary<string, string>
    {
        ["pending"] = $" AND {Pending}",
        ["failed"] = $" AND {Failed} AND NOT {Pending}",
        ["succeeded"] = $" AND {Succeeded} AND NOT {Pending} AND NOT {Failed}",
        ["canceled"] = $" AND {Any} AND NOT {Pending} AND NOT {Failed} AND NOT {Succeeded}",
        ["skipped"] = $" AND NOT {Any}",
    };

    /// <summary>The condition on messages <c>m</c>, but for <see cref="Q"/>. Times also bound the sequence, so that a list does not read what is far outside them.</summary>
    public string Where => "WHERE m.app_no = @No AND m.seq < @before"
        + (Recipient is null ? "" : " AND m.recipient_no = (SELECT no FROM recipients WHERE app_no = @No AND recipient = @Recipient)")
        + (Type is null ? "" : " AND m.event_type = @Type")
        + (Since is null ? "" : " AND m.created_at >= @Since AND m.seq >= @first")
        + (Until is null ? "" : " AND m.created_at < @Until AND m.seq < @last")
        + (Status is null ? "" : Statuses[Status]);
}
