using System.Text.Json;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Replays;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Delivers a message again: its deliveries are reopened as a new run with a fresh retry budget, under the same <c>webhook-id</c>. For one endpoint it also makes
/// the delivery that was missing. What is still pending becomes due now and is not doubled.
/// </summary>
public sealed class MessageReplay(
    Database database, EndpointStore endpoints, DeliverySchedule schedule, IdGenerator ids, TimeProvider clock)
{
    /// <param name="endpointId">Only to this endpoint; null for all that the message went to and that are in service.</param>
    public async Task<IResult> Replay(App app, Message message, string? endpointId)
    {
        if (message.Data is null)
        {
            return Problem.BadRequest("payload_expired", "The message's data has been erased; there is nothing left to send.");
        }
        var (replay, reopened, problem) = await database.Write(session => Reopen(session, app, message, endpointId));
        if (problem is not null)
        {
            return problem;
        }
        reopened!.TellOf(schedule, clock.GetUtcNow());
        return TypedResults.Accepted($"/api/v1/replays/{replay!.ReplayId}", ReplayResource.Of(replay));
    }

    private async Task<(Replay? Replay, Reopened? Reopened, Problem? Problem)> Reopen(WriteSession session, App app, Message message, string? endpointId)
    {
        var existing = (await DeliveryStore.OfMessages(session.Connection, [message.Seq]))[message.Seq].Select(delivery => delivery.TargetNo).ToHashSet();
        var wanted = await Wanted(session, app, message, endpointId, existing);
        if (endpointId is not null ? wanted.Count == 0 : existing.Count > 0 && wanted.All(endpoint => endpoint.DeletedAt is not null))
        {
            return (null, null, Problem.NotFound("endpoint"));
        }
        var inService = wanted.Where(endpoint => endpoint.Ended is null).ToList();
        if (wanted.Count > 0 && inService.Count == 0)
        {
            return (null, null, MessageIntake.EndpointDisabled());
        }
        var now = clock.GetUtcNow();
        var id = ids.New(IdPrefix.Replay);
        var filter = JsonSerializer.Serialize(new { app.AppId, message.MessageId, EndpointId = endpointId }, ApiJson.Options);
        var replay = new NewReplay(app.WorkspaceNo, id, ReplayKind.Message, filter, app.AppId, endpointId, null, message.Recipient, 0, 0);
        var replayNo = await ReplayStore.InsertQueued(session, replay, inService.Count, now);
        var items = inService.Select(endpoint => new ReplayItem(message.Seq, endpoint.No, ReplayWish.ThisOne, now)).ToList();
        var reopened = await ReplayedDeliveries.Open(session, items, replayNo, MessageStore.Counter, now);
        await ReplayProgress.Settle(session, replayNo, now);
        return (await ReplayStore.Find(session.Connection, new ReplayScope(app.WorkspaceNo), id), reopened, null);
    }

    private async Task<IReadOnlyList<WebhookEndpoint>> Wanted(WriteSession session, App app, Message message, string? endpointId, HashSet<long> existing)
    {
        if (endpointId is not null)
        {
            return await endpoints.Find(session.Connection, app, endpointId) is { } one && one.RecipientNo == message.RecipientNo ? [one] : [];
        }
        var found = new List<WebhookEndpoint>();
        foreach (var no in existing)
        {
            if (await endpoints.LoadTarget(session.Connection, no) is { } endpoint)
            {
                found.Add(endpoint);
            }
        }
        return found;
    }
}
