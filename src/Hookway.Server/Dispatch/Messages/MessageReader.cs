using System.Text;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Puts messages together with their deliveries and the endpoints those go to, for showing them.</summary>
public sealed class MessageReader(Database database, MessageStore messages, EndpointStore endpoints, TimeProvider clock)
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

    /// <summary>Messages newest first, and how far a search in payloads came when its time was over.</summary>
    public async Task<(IReadOnlyList<(Message Message, MessageResource Resource)> Rows, long? SearchedTo)> List(App app, MessageFilter filter, long before, int limit)
    {
        var (found, searchedTo) = filter is { InPayload: true, Q: { } text }
            ? await SearchPayloads(app, filter with { Q = null }, Encoding.UTF8.GetBytes(text), before, limit)
            : (await database.Read(connection => MessageStore.List(connection, app, filter, before, limit)), null);
        return ([.. found.Zip(await Show(app, found))], searchedTo);
    }

    private async Task<(List<Message> Found, long? SearchedTo)> SearchPayloads(App app, MessageFilter filter, byte[] text, long before, int limit)
    {
        var started = clock.GetTimestamp();
        var found = new List<Message>();
        do
        {
            var batch = await database.Read(connection => MessageStore.List(connection, app, filter, before, PayloadsAtOnce, withData: true));
            found.AddRange(batch.Where(message => message.Data.AsSpan().IndexOf(text) >= 0).Select(message => message with { Data = null }));
            if (found.Count >= limit || batch.Count < PayloadsAtOnce)
            {
                return (found.Take(limit).ToList(), null);
            }
            before = batch[^1].Seq;
        }
        while (clock.GetElapsedTime(started) < MostSearch);
        return (found, before);
    }

    /// <summary>The attempts to an endpoint, newest first.</summary>
    public async Task<IReadOnlyList<(Attempt Attempt, AttemptResource Resource)>> AttemptsOf(
        App app, WebhookEndpoint endpoint, bool? succeeded, long? since, long? until, long before, int limit)
    {
        var attempts = await database.Read(connection => DeliveryStore.AttemptsOfTarget(connection, endpoint.No, succeeded, since, until, before, limit));
        var ids = await database.Read(connection => MessageStore.FindIds(connection, app, attempts.Select(attempt => attempt.MessageSeq).Distinct()));
        return [.. attempts.Where(attempt => ids.ContainsKey(attempt.MessageSeq))
            .Select(attempt => (attempt, AttemptResource.Of(attempt, ids[attempt.MessageSeq], endpoint.EndpointId)))];
    }

    /// <summary>The attempts of a message, oldest first, with the endpoints they went to.</summary>
    public async Task<IReadOnlyList<(Attempt Attempt, AttemptResource Resource)>> Attempts(
        Message message, WebhookEndpoint? endpoint, bool? succeeded, long after, int limit)
    {
        var attempts = await database.Read(connection => DeliveryStore.Attempts(connection, message.Seq, endpoint?.No, succeeded, after, limit));
        var targets = await Endpoints(attempts.Select(attempt => attempt.TargetNo));
        return [.. attempts.Where(attempt => targets.ContainsKey(attempt.TargetNo)).Select(attempt => (attempt, AttemptResource.Of(attempt, message.MessageId, targets[attempt.TargetNo].EndpointId)))];
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
