using System.Globalization;

namespace Hookway.Access;

/// <summary>The tenant: nothing crosses it.</summary>
/// <param name="OwnLimits">What an operator set for it alone: null follows the server's setting, 0 is no limit.</param>
/// <param name="Limits">What holds.</param>
/// <param name="PortalCapabilities">What its portal sessions may do at most.</param>
public sealed record Workspace(
    long No, string WorkspaceId, string Name, WorkspaceLimits OwnLimits, WorkspaceLimits Limits, IReadOnlyList<string> PortalCapabilities, DateTimeOffset CreatedAt)
{
    public const int MostNameCharacters = 200;

    /// <summary>What the view of a workspace depends on.</summary>
    public static string Subject(long no) => string.Create(CultureInfo.InvariantCulture, $"workspace:{no}");
}

/// <summary>What a workspace is called, without what it may do.</summary>
public sealed record WorkspaceName(long No, string WorkspaceId, string Name);

/// <summary>How much a workspace may use; null is no limit.</summary>
/// <param name="Apps">Those that are not archived.</param>
/// <param name="RetentionDays">How long anything of it is kept, where that is shorter than the server keeps it.</param>
/// <param name="PayloadBytes">The most bytes of a message's <c>data</c>.</param>
public sealed record WorkspaceLimits(
    long? RequestsPerSecond = null, long? MessagesPerMonth = null, long? Apps = null, long? EndpointsPerRecipient = null, long? RetentionDays = null, long? PayloadBytes = null)
{
    /// <summary>What holds: the server's where the workspace has none of its own.</summary>
    public WorkspaceLimits Over(WorkspaceLimits server) => new(
        Pick(RequestsPerSecond, server.RequestsPerSecond), Pick(MessagesPerMonth, server.MessagesPerMonth), Pick(Apps, server.Apps),
        Pick(EndpointsPerRecipient, server.EndpointsPerRecipient), Pick(RetentionDays, server.RetentionDays), Pick(PayloadBytes, server.PayloadBytes));

    private static long? Pick(long? own, long? server) => own switch { null => server, 0 => null, _ => own };
}

/// <summary>One kind of limit: its names, and what it may be set to.</summary>
/// <param name="Name">In the API, and in the problem of whoever reaches it.</param>
/// <param name="Option">At the command line.</param>
/// <param name="MayBeAbsent">Whether there may be no limit of this kind.</param>
/// <param name="Of">The limit of this kind.</param>
/// <param name="With">The limits with this one set.</param>
public sealed record LimitKind(string Name, string Option, long Least, long Most, bool MayBeAbsent, Func<WorkspaceLimits, long?> Of, Func<WorkspaceLimits, long?, WorkspaceLimits> With)
{
    private const string Follow = "none";
    private const string Unlimited = "unlimited";

    public static LimitKind RequestsPerSecond { get; } = new("requestsPerSecond", "requests-per-second", 1, 1_000_000, true, limits => limits.RequestsPerSecond, (limits, value) => limits with { RequestsPerSecond = value });
    public static LimitKind MessagesPerMonth { get; } = new("messagesPerMonth", "messages-per-month", 1, 1_000_000_000_000, true, limits => limits.MessagesPerMonth, (limits, value) => limits with { MessagesPerMonth = value });
    public static LimitKind Apps { get; } = new("apps", "apps", 1, 1_000_000, true, limits => limits.Apps, (limits, value) => limits with { Apps = value });
    public static LimitKind EndpointsPerRecipient { get; } = new("endpointsPerRecipient", "endpoints-per-recipient", 1, 1_000_000, true, limits => limits.EndpointsPerRecipient, (limits, value) => limits with { EndpointsPerRecipient = value });
    public static LimitKind RetentionDays { get; } = new("retentionDays", "retention-days", 1, 36_500, true, limits => limits.RetentionDays, (limits, value) => limits with { RetentionDays = value });
    public static LimitKind PayloadBytes { get; } = new("payloadBytes", "payload-bytes", 1_024, 16_777_216, false, limits => limits.PayloadBytes, (limits, value) => limits with { PayloadBytes = value });

    public static IReadOnlyList<LimitKind> All { get; } = [RequestsPerSecond, MessagesPerMonth, Apps, EndpointsPerRecipient, RetentionDays, PayloadBytes];

    /// <summary>What a value must be, for error messages.</summary>
    public string Allowed => string.Create(CultureInfo.InvariantCulture, $"a whole number from {Least} to {Most}");

    /// <summary>Whether a text is a number that this limit may be.</summary>
    public bool TryParse(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= Least && value <= Most;

    /// <summary>Sets what an operator wrote: a number, <c>none</c> for the server's, <c>unlimited</c>; null when it is none of these.</summary>
    public WorkspaceLimits? Set(WorkspaceLimits own, string text) =>
        text == Follow ? With(own, null)
        : text == Unlimited && MayBeAbsent ? With(own, 0)
        : TryParse(text, out var value) ? With(own, value)
        : null;
}
