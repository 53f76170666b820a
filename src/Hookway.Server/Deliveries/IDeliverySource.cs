using System.Data.Common;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>
/// What the engine delivers, and to whom: the seam between the engine, which knows HTTP, time and targets, and those who accepted the items
/// (messages for endpoints; events for destinations).
/// </summary>
public interface IDeliverySource
{
    /// <summary>The target as configured now; null when the number was never one of this source's.</summary>
    ValueTask<DeliveryTarget?> FindTarget(long targetNo);

    /// <summary>Builds and signs the request of the next attempt; null when the content has been erased.</summary>
    ValueTask<PreparedAttempt?> Prepare(PendingDelivery delivery, DateTimeOffset now);

    /// <summary>Inside a transaction: why nothing may be delivered to the target any more; null while something may.</summary>
    Task<DeliveryChange?> EndedNow(WriteSession session, long targetNo);

    /// <summary>In the transaction that records an attempt: the receiver asked to be disabled.</summary>
    Task Disable(WriteSession session, ChangedSubjects touched, long targetNo, string reason, DateTimeOffset now);

    /// <summary>In the transaction that records an attempt: names the views in which the target's health shows, since it has changed.</summary>
    Task Touch(WriteSession session, ChangedSubjects touched, long targetNo);

    /// <summary>Whose a target is and what people call it; null when the number was never one of this source's, or it is out of use for good.</summary>
    Task<TargetOwner?> FindOwner(DbConnection connection, long targetNo);

    /// <summary>The public ids of items that this source delivers, by their sequences; those that have been erased are missing.</summary>
    Task<IReadOnlyDictionary<long, string>> FindItemIds(DbConnection connection, IReadOnlyCollection<long> seqs);
}

/// <summary>What people know a target by: an endpoint of a recipient, or a destination of a source.</summary>
/// <param name="Label">What to call it in a sentence, without anything secret.</param>
public sealed record TargetOwner(
    long WorkspaceNo, string Label, string? AppId = null, string? EndpointId = null, string? Recipient = null, string? SourceId = null, string? DestinationId = null);

/// <summary>A request ready to send, and the same as it is shown: with secret header values masked.</summary>
/// <param name="ShownUrl">The URL as it is shown, where that is not the one called.</param>
/// <param name="Instead">Makes the attempt in place of sending the request, where it is no HTTP request.</param>
public sealed record PreparedAttempt(
    DeliveryRequest Request, IReadOnlyList<KeyValuePair<string, string>> ShownHeaders, string? ShownUrl = null, Func<CancellationToken, Task<AttemptResult>>? Instead = null);
