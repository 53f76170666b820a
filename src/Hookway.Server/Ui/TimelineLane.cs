using Hookway.Dispatch.Messages;
using Hookway.Ingest.Ledger;

namespace Hookway.Ui;

/// <summary>One target in a drawing of attempts over time.</summary>
/// <param name="TargetId">By which attempts name it.</param>
/// <param name="NextAttemptAt">When it is tried next; null when it is not.</param>
public sealed record TimelineLane(string TargetId, string Name, DateTimeOffset? NextAttemptAt)
{
    private const int MostLetters = 28;

    /// <summary>The name as it fits beside its lane.</summary>
    public string Shown => Name.Length > MostLetters ? Name[..(MostLetters - 1)] + "…" : Name;

    public static TimelineLane Of(DeliveryResource delivery, string? name) =>
        new(delivery.EndpointId, NameOf(name, delivery.Url), delivery.Status == "pending" ? delivery.NextAttemptAt : null);

    public static TimelineLane Of(EventDelivery delivery, string? name) =>
        new(delivery.DestinationId, NameOf(name, delivery.Url ?? delivery.DestinationId), delivery.Status == "pending" ? delivery.NextAttemptAt : null);

    private static string NameOf(string? name, string url) =>
        !string.IsNullOrEmpty(name) ? name : Uri.TryCreate(url, UriKind.Absolute, out var at) ? at.Authority + at.AbsolutePath : url;
}
