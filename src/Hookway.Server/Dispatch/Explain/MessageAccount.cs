using System.Globalization;
using Hookway.Deliveries;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;

namespace Hookway.Dispatch.Explain;

/// <summary>Says what became of one message, endpoint by endpoint.</summary>
internal sealed class MessageAccount(MessageRecord record, Records all)
{
    private readonly Message _message = record.Message;

    /// <summary>What did not go well first.</summary>
    public IReadOnlyList<Fact> Facts() =>
    [
        .. record.Deliveries.Select(item => OfDelivery(item.Delivery, item.Endpoint, [.. record.Attempts[item.Endpoint.No]])).OrderBy(fact => fact.IsDelivered),
        .. record.Unmatched.Select(item => OfUnmatched(item.Reason, item.Endpoint)),
        .. record.Deliveries.Count + record.Unmatched.Count == 0 ? [NoEndpoint()] : Array.Empty<Fact>(),
        .. record.IsErased && !record.Deliveries.Any(item => item.Delivery.Reason == DeliveryChange.ContentErased.Reason())
            ? [About(FindingKinds.PayloadErased, null, it => $"the data of {it} has been erased, so that it cannot be sent again") with { IsAside = true }] : Array.Empty<Fact>(),
    ];

    private Fact OfDelivery(Delivery delivery, WebhookEndpoint endpoint, IReadOnlyList<AttemptEnd> attempts)
    {
        var failures = attempts.TakeWhile(attempt => attempt.Outcome is not AttemptOutcome.Succeeded).ToList();
        var last = attempts.Count > 0 ? attempts[0] : null;
        var fact = delivery.Status switch
        {
            DeliveryStatus.Succeeded => Delivered(delivery, endpoint, attempts),
            DeliveryStatus.Failed => Failed(delivery, endpoint, failures, last),
            DeliveryStatus.Canceled => Canceled(delivery, endpoint, failures, last),
            _ => Pending(delivery, endpoint, failures, last),
        };
        return fact with { Endpoint = endpoint, AttemptId = fact.AttemptId ?? last?.AttemptId };
    }

    private Fact Delivered(Delivery delivery, WebhookEndpoint endpoint, IReadOnlyList<AttemptEnd> attempts)
    {
        var success = attempts.FirstOrDefault(attempt => attempt.Outcome is AttemptOutcome.Succeeded);
        var status = success?.ResponseStatus ?? delivery.LastResponseStatus;
        var tries = success is { Number: > 1 } ? string.Create(CultureInfo.InvariantCulture, $", at attempt {success.Number}") : "";
        return About(FindingKinds.Delivered, success?.At, it => $"{it} was delivered to {Phrases.Place(endpoint)}{Phrases.At(success?.At)} with {status}{tries}") with { AttemptId = success?.AttemptId };
    }

    private Fact Failed(Delivery delivery, WebhookEndpoint endpoint, List<AttemptEnd> failures, AttemptEnd? last) =>
        delivery.Reason == DeliveryChange.ReceiverAborted.Reason()
            ? About(FindingKinds.AbortedByReceiver, last?.At, it => $"the receiver at {Phrases.Place(endpoint)} asked{Phrases.At(last?.At)} not to be sent {it} again")
            : About(
                last?.Outcome is AttemptOutcome.BlockedAddress ? FindingKinds.RefusedAddress : FindingKinds.Failed, last?.At,
                _ => $"{Tried(endpoint, failures)}, and its attempts are used up");

    private Fact Canceled(Delivery delivery, WebhookEndpoint endpoint, List<AttemptEnd> failures, AttemptEnd? last)
    {
        // Of a delivery that an attempt ended there is no time but the attempt's; one that was canceled without has its own.
        var at = delivery.CanceledAt ?? last?.At;
        var place = Phrases.Place(endpoint);
        var before = failures.Count > 0 ? $", after the receiver {Phrases.Failures(failures)}" : "";
        if (delivery.Reason == DeliveryChange.TargetDisabled.Reason())
        {
            var disabled = PastOf(endpoint)?.DisabledAt(at ?? all.Now);
            var reason = disabled is { } found ? found.Reason : endpoint.DisabledReason;
            // Where the attempt itself was what disabled it, the reason says so.
            before = last is not null && disabled?.At - last.At < TimeSpan.FromSeconds(1) ? "" : before;
            return About(FindingKinds.EndpointDisabled, disabled?.At ?? at, it => $"{place} was disabled{Phrases.At(disabled?.At ?? at)}{Phrases.Because(reason)}, which ended the delivery of {it}{before}");
        }
        var deletedAt = endpoint.DeletedAt ?? at;
        return delivery.Reason switch
        {
            var reason when reason == DeliveryChange.TargetDeleted.Reason() =>
                About(FindingKinds.EndpointDeleted, deletedAt, it => $"the endpoint {place} was deleted{Phrases.At(deletedAt)}, which ended the delivery of {it}{before}"),
            var reason when reason == DeliveryChange.AppArchived.Reason() => About(FindingKinds.AppArchived, at, it => $"the app was archived{Phrases.At(at)}, which ended the delivery of {it} to {place}{before}"),
            var reason when reason == DeliveryChange.ContentErased.Reason() => About(FindingKinds.PayloadErased, at, it => $"the data of {it} was erased{Phrases.At(at)}, before it reached {place}"),
            var reason when reason == DeliveryChange.ReplayCanceled.Reason() =>
                About(FindingKinds.Canceled, at, it => $"the replay of {it} to {place} was canceled{Phrases.At(at)}, before it was sent again{before}"),
            FindingKinds.Expired => About(FindingKinds.Expired, at, it => $"{it} became too old to be kept{Phrases.At(at)}, before it reached {place}{before}"),
            _ => About(FindingKinds.Canceled, at, it => $"{it} was canceled{Phrases.At(at)}, before it reached {place}{before}"),
        };
    }

    private Fact Pending(Delivery delivery, WebhookEndpoint endpoint, List<AttemptEnd> failures, AttemptEnd? last)
    {
        var place = Phrases.Place(endpoint);
        if (endpoint.Settings.Paused)
        {
            var since = PastOf(endpoint)?.PausedAt;
            return About(FindingKinds.Paused, since, it => $"{place} is paused{(since is { } at ? " since " + Phrases.Time(at) : "")}, and {it} is held until it is resumed");
        }
        var next = delivery.NextAttemptAt > all.Now ? $"is tried again at {Phrases.Time(delivery.NextAttemptAt.Value)}" : "is about to be tried again";
        if (failures.Count > 0)
        {
            return About(last?.Outcome is AttemptOutcome.BlockedAddress ? FindingKinds.RefusedAddress : FindingKinds.WaitingForRetry, last?.At, it => $"{Tried(endpoint, failures)}, and {it} {next}");
        }
        if (_message.DeliverAt > all.Now && delivery.AttemptCount == 0)
        {
            return About(FindingKinds.Scheduled, null, it => $"{it} is to be delivered to {place} at {Phrases.Time(_message.DeliverAt.Value)}");
        }
        if (endpoint.FailingSince is { } failingSince)
        {
            return About(FindingKinds.WaitingForEndpoint, failingSince, it => $"{place} has been failing since {Phrases.Time(failingSince)}, and {it} waits until an attempt succeeds there; the next is due{Phrases.At(delivery.NextAttemptAt)}");
        }
        return endpoint.Settings.Ordered
            ? About(FindingKinds.WaitingItsTurn, null, it => $"{it} waits for its turn at {place}, which takes one at a time, in order")
            : About(FindingKinds.Pending, null, it => $"{it} is about to be sent to {place}{(endpoint.Settings.RateLimitPerMinute is { } most ? string.Create(CultureInfo.InvariantCulture, $", which takes at most {most} a minute") : "")}");
    }

    private Fact OfUnmatched(MismatchReason reason, WebhookEndpoint endpoint)
    {
        var (place, at, past) = (Phrases.Place(endpoint), _message.CreatedAt, PastOf(endpoint));
        var fact = reason switch
        {
            MismatchReason.Disabled => WasDisabled(place, endpoint, past),
            MismatchReason.NotSubscribed => About(
                FindingKinds.NotSubscribed, at,
                _ => $"{place} was not subscribed to {_message.EventType}: it took {Phrases.Subscription(past is null ? endpoint.Settings.EventTypes : past.EventTypesAt(at))}{(endpoint is { DeletedAt: null } && endpoint.Settings.Subscribes(_message.EventType) ? " (it is subscribed now)" : "")}"),
            _ => About(FindingKinds.FilteredOut, at, it => $"the filter of {place} did not let {it} through{Asked(past is null ? endpoint.Settings.Filter?.Conditions : past.FilterAt(at))}"),
        };
        return fact with { Endpoint = endpoint, IsPassedOver = true };
    }

    private Fact WasDisabled(string place, WebhookEndpoint endpoint, EndpointPast? past)
    {
        var disabled = past?.DisabledAt(_message.CreatedAt);
        var enabled = past?.EnabledAfter(disabled?.At ?? _message.CreatedAt);
        var reason = disabled is { } found ? found.Reason : endpoint.DisabledReason;
        return About(
            FindingKinds.EndpointDisabled, disabled?.At,
            _ => $"{place} was disabled{Phrases.At(disabled?.At)}{Phrases.Because(reason)}{(enabled is { } at ? $", until {Phrases.Time(at)}" : "")}");
    }

    private Fact NoEndpoint()
    {
        var who = all.Question.Recipient;
        var later = all.Endpoints.Where(endpoint => endpoint.CreatedAt > _message.CreatedAt).MinBy(endpoint => endpoint.CreatedAt);
        var earlier = all.Endpoints.Where(endpoint => endpoint.DeletedAt <= _message.CreatedAt).MaxBy(endpoint => endpoint.DeletedAt);
        return About(
            FindingKinds.NoEndpoint, _message.CreatedAt,
            _ => $"{who} had no endpoint{Phrases.At(_message.CreatedAt)}"
                + (earlier is null ? "" : $"; its last one, {Phrases.Place(earlier)}, had been deleted{Phrases.At(earlier.DeletedAt)}")
                + (later is null ? "" : $"; {Phrases.Place(later)} was added{Phrases.At(later.CreatedAt)}"));
    }

    private static string Tried(WebhookEndpoint endpoint, List<AttemptEnd> failures) => failures.Count == 0
        ? $"{Phrases.Place(endpoint)} did not take it"
        : $"{Phrases.Place(endpoint)} {Phrases.Failures(failures)}{(failures.Count > 1 ? ", the last time" : "")}{Phrases.At(failures[0].At)}";

    private static string Asked(IReadOnlyList<FilterCondition>? conditions) => conditions is { Count: > 0 } ? $": {Phrases.Filter(conditions)}" : "";

    private EndpointPast? PastOf(WebhookEndpoint endpoint) => all.Pasts.GetValueOrDefault(endpoint.No);

    private Fact About(string kind, DateTimeOffset? at, Func<string, string> phrase) => new(kind, at, phrase, _message);
}
