using System.Text;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Puts messages together with their deliveries and the endpoints those go to, for showing them.</summary>
public sealed class MessageReader(
    Database database, MessageStore messages, MessageSearch search, AttemptStore attempts, EndpointStore endpoints, TimeProvider clock)
{
    private const int PayloadsAtOnce = 25;
    private static readonly TimeSpan MostSearch = TimeSpan.FromMilliseconds(500);

    /// <summary>One message with its data and the endpoints that it was not for; null when it is not in this app.</summary>
    public async Task<MessageResource?> WithData(App app, string messageId)
    {
        if (await messages.FindWithData(app, messageId) is not { } message)
        {
            return null;
        }
        var unmatched = Unmatched.Read(message.Unmatched);
        var targets = await Endpoints(unmatched.Select(item => item.EndpointNo));
        return (await Show(app, [message]))[0] with
        {
            Unmatched = [.. unmatched.Where(item => targets.ContainsKey(item.EndpointNo))
                .Select(item => new UnmatchedEndpoint(targets[item.EndpointNo].EndpointId, item.Reason.Code()))],
        };
    }

    /// <summary>One message without its data; null when it is not in this app.</summary>
    public async Task<MessageResource?> WithoutData(App app, string messageId) =>
        await database.Read(connection => MessageStore.FindById(connection, app, messageId)) is { } message ? (await Show(app, [message]))[0] : null;

    /// <summary>Messages newest first.</summary>
    public async Task<Found<(Message Message, MessageResource Resource)>> List(App app, MessageFilter filter, long before, int limit)
    {
        var found = filter is { InPayload: true, Q: { } text }
            ? await SearchPayloads(app, filter with { Q = null }, Encoding.UTF8.GetBytes(text), before, limit)
            : await search.List(app, filter, before, limit);
        return new([.. found.Rows.Zip(await Show(app, found.Rows))], found.SearchedTo);
    }

    private async Task<Found<Message>> SearchPayloads(App app, MessageFilter filter, byte[] text, long before, int limit)
    {
        var started = clock.GetTimestamp();
        var found = new List<Message>();
        do
        {
            var batch = await search.List(app, filter, before, PayloadsAtOnce, withData: true);
            found.AddRange(batch.Rows.Where(message => message.Data.AsSpan().IndexOf(text) >= 0).Select(message => message with { Data = null }));
            if (found.Count >= limit || (batch.Rows.Count < PayloadsAtOnce && batch.SearchedTo is null))
            {
                return new(found.Take(limit).ToList(), null);
            }
            before = batch.SearchedTo ?? batch.Rows[^1].Seq;
        }
        while (clock.GetElapsedTime(started) < MostSearch);
        return new(found, before);
    }

    /// <summary>The attempts to an endpoint, newest first.</summary>
    public async Task<Found<(Attempt Attempt, AttemptResource Resource)>> AttemptsOf(App app, WebhookEndpoint endpoint, AttemptFilter filter, long before, int limit)
    {
        var found = await attempts.OfTarget(endpoint.No, filter, before, limit);
        var ids = await database.Read(connection => MessageStore.FindIds(connection, app, found.Rows.Select(attempt => attempt.MessageSeq).Distinct()));
        return new(
            [.. found.Rows.Where(attempt => ids.ContainsKey(attempt.MessageSeq))
                .Select(attempt => (attempt, AttemptResource.Of(attempt, ids[attempt.MessageSeq], endpoint.EndpointId)))],
            found.SearchedTo);
    }

    /// <summary>The attempts of a message, oldest first, with the endpoints they went to.</summary>
    public async Task<IReadOnlyList<(Attempt Attempt, AttemptResource Resource)>> Attempts(
        Message message, WebhookEndpoint? endpoint, bool? succeeded, long after, int limit)
    {
        var found = await attempts.OfMessage(message.Seq, endpoint?.No, succeeded, after, limit);
        var targets = await Endpoints(found.Select(attempt => attempt.TargetNo));
        return [.. found.Where(attempt => targets.ContainsKey(attempt.TargetNo)).Select(attempt => (attempt, AttemptResource.Of(attempt, message.MessageId, targets[attempt.TargetNo].EndpointId)))];
    }

    private async Task<IReadOnlyList<MessageResource>> Show(App app, IReadOnlyList<Message> found)
    {
        var deliveries = await database.Read(connection => DeliveryStore.OfMessages(connection, [.. found.Select(message => message.Seq)]));
        var targets = await Endpoints(deliveries.SelectMany(group => group).Select(delivery => delivery.TargetNo));
        return [.. found.Select(message => MessageResource.Of(app, message, [.. deliveries[message.Seq].Where(delivery => targets.ContainsKey(delivery.TargetNo))], targets))];
    }

    /// <summary>The endpoints with these numbers, without those that a purge erased since the numbers were read.</summary>
    private async Task<Dictionary<long, WebhookEndpoint>> Endpoints(IEnumerable<long> numbers)
    {
        var found = new Dictionary<long, WebhookEndpoint>();
        foreach (var no in numbers.Distinct())
        {
            if (await endpoints.ViewTarget(no) is { } endpoint)
            {
                found[no] = endpoint;
            }
        }
        return found;
    }
}
