using Hookway.Deliveries;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;

namespace Hookway.Dispatch.Explain;

/// <summary>One fact, in words that fit into an answer and into a finding.</summary>
/// <param name="At">When it happened; null for what is so now, and where no time was recorded.</param>
/// <param name="Phrase">Made of what the message is to be called in it, such as "it".</param>
internal sealed record Fact(string Kind, DateTimeOffset? At, Func<string, string> Phrase, Message? Message = null, WebhookEndpoint? Endpoint = null, string? AttemptId = null)
{
    public Fact(string kind, DateTimeOffset? at, string phrase) : this(kind, at, _ => phrase)
    {
    }

    public bool IsDelivered => Kind is FindingKinds.Delivered;

    /// <summary>It may still be delivered, without anybody's doing.</summary>
    public bool IsOpen => Kind is FindingKinds.WaitingForRetry or FindingKinds.WaitingForEndpoint or FindingKinds.WaitingItsTurn or FindingKinds.Scheduled or FindingKinds.Pending or FindingKinds.Paused;

    /// <summary>The message was not for the endpoint when it was accepted: nothing to wonder at where another one got it.</summary>
    public bool IsPassedOver { get; init; }

    /// <summary>It says something of the message beside what became of it.</summary>
    public bool IsAside { get; init; }
}

/// <summary>All that was recorded of one message.</summary>
/// <param name="Attempts">How its last attempts ended, newest first, by the numbers of their endpoints.</param>
internal sealed record MessageRecord(
    Message Message, bool IsErased, IReadOnlyList<(Delivery Delivery, WebhookEndpoint Endpoint)> Deliveries,
    IReadOnlyList<(MismatchReason Reason, WebhookEndpoint Endpoint)> Unmatched, ILookup<long, AttemptEnd> Attempts);

/// <summary>All that was recorded that bears on a question.</summary>
/// <param name="Recipient">Null when it is not known.</param>
/// <param name="Endpoints">The recipient's, newest first, also those that are deleted.</param>
/// <param name="Pasts">What endpoints were, by their numbers.</param>
/// <param name="Messages">Newest first: the last of those asked for, and the last of those that did not arrive.</param>
/// <param name="IsCutShort">There may be more messages than were looked at.</param>
/// <param name="Refused">Newest first.</param>
/// <param name="TypeIsPublished">Null when no type was asked for.</param>
internal sealed record Records(
    Question Question, Recipients.Recipient? Recipient, IReadOnlyList<WebhookEndpoint> Endpoints, IReadOnlyDictionary<long, EndpointPast> Pasts,
    IReadOnlyList<MessageRecord> Messages, bool IsCutShort, IReadOnlyList<Refusals.RefusedSend> Refused, bool? TypeIsPublished, DateTimeOffset Now);
