using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Dispatch.Refusals;
using Hookway.Storage;

namespace Hookway.Dispatch.Explain;

/// <summary>
/// Answers why a recipient did or did not get something. Gathers what was recorded when it happened: the messages asked for and what became of each delivery, the
/// endpoints that they were not for, what was refused, and what endpoints were at those times. A bounded number of reads by index, however much there is.
/// </summary>
public sealed class Explainer(
    RecipientStore recipients, EventTypeStore types, EndpointStore endpoints, MessageStore messages, MessageSearch search, AttemptStore attempts,
    RefusedSends refusals, AuditStore audit, WorkspaceStore workspaces, Database database, ExplainOptions options, TimeProvider clock)
{
    /// <summary>The most messages that one explanation is about: so many of the last, and of the last that did not arrive.</summary>
    private const int MostOfEach = 5;

    private const int MostAttempts = 100;
    private const int MostEndpoints = 25;
    private const int MostRefused = 10;

    public async Task<Explanation> Explain(Question question)
    {
        var app = question.App;
        var records = await Gather(question);
        var (answer, facts) = new Answer(records).Give();
        var workspace = app.OnlyRecipient is null ? await workspaces.Find(app.WorkspaceNo) : null;
        return new Explanation(answer, [.. facts.Select(fact => new Finding(
            fact.Kind, fact.At, Phrases.Sentence(fact.Phrase(fact.Message is { } message ? Answer.NameOf(message) : "it")), fact.Message?.MessageId, fact.Endpoint?.EndpointId, fact.AttemptId,
            workspace is null ? null : PageOf(workspace, question, fact)))]);
    }

    private string PageOf(Workspace workspace, Question question, Fact fact) =>
        $"{options.PublicUrl}/w/{workspace.WorkspaceId}/apps/{question.App.AppId}/"
        + (fact.Message is { } message ? $"messages/{Uri.EscapeDataString(message.MessageId)}"
            : fact.Endpoint is { } endpoint ? $"endpoints/{endpoint.EndpointId}"
            : $"recipients/{Uri.EscapeDataString(question.Recipient)}");

    private async Task<Records> Gather(Question question)
    {
        var app = question.App;
        var recipient = await recipients.FindWithDeleted(app, question.Recipient);
        var (found, isCutShort) = question.MessageId is { } id ? (await FindOne(app, id), false)
            : recipient is null ? ([], false)
            : await FindLast(app, new MessageFilter(question.Recipient, question.Type, null, question.Since, null));
        var known = recipient is null ? [] : await endpoints.ListWithDeleted(recipient.No, MostEndpoints);
        var told = await Tell(app, found, known.ToDictionary(endpoint => endpoint.No));
        var pasts = new Dictionary<long, EndpointPast>();
        foreach (var endpoint in told.SelectMany(NeedsPast).DistinctBy(endpoint => endpoint.No).Take(MostEndpoints))
        {
            pasts[endpoint.No] = new EndpointPast(
                endpoint, await audit.List(app.WorkspaceNo, since: null, actor: null, of: endpoint.EndpointId, after: null, EndpointPast.MostChanges));
        }
        await refusals.Flush();
        var refusedSends = await database.Read(connection => RefusedSendStore.List(
            connection, app, question.MessageId is null ? question.Recipient : null, question.Type, question.MessageId, question.Since, long.MaxValue, MostRefused));
        // Of a send with the same id for another recipient there is nothing to say.
        refusedSends.RemoveAll(send => send.Recipient is not null && send.Recipient != question.Recipient);
        var isPublished = question.Type is null ? (bool?)null : await types.Find(app, question.Type) is { ArchivedAt: null };
        return new Records(question, recipient, known, pasts, told, isCutShort, refusedSends, isPublished, clock.GetUtcNow());
    }

    private async Task<IReadOnlyList<Message>> FindOne(App app, string messageId) =>
        await messages.Find(app, messageId) is { } message ? [message] : [];

    private async Task<(IReadOnlyList<Message> Found, bool IsCutShort)> FindLast(App app, MessageFilter filter)
    {
        var last = await search.List(app, filter, long.MaxValue, MostOfEach);
        var undelivered = await search.List(app, filter with { Undelivered = true }, long.MaxValue, MostOfEach);
        return ([.. last.Rows.Concat(undelivered.Rows).DistinctBy(message => message.Seq).OrderByDescending(message => message.Seq)], last.SearchedTo is not null);
    }

    private async Task<List<MessageRecord>> Tell(App app, IReadOnlyList<Message> found, Dictionary<long, WebhookEndpoint> known)
    {
        var seqs = found.Select(message => message.Seq).ToList();
        var rest = await messages.FindRest(app, seqs);
        var deliveries = await database.Read(connection => DeliveryStore.OfMessages(connection, seqs));
        var told = new List<MessageRecord>();
        foreach (var message in found.Where(message => rest.ContainsKey(message.Seq)))
        {
            var (unmatched, isErased) = rest[message.Seq];
            var delivered = new List<(Delivery, WebhookEndpoint)>();
            foreach (var delivery in deliveries[message.Seq].Take(MostEndpoints))
            {
                if (await EndpointOf(delivery.TargetNo, known) is { } endpoint)
                {
                    delivered.Add((delivery, endpoint));
                }
            }
            var passedOver = new List<(MismatchReason, WebhookEndpoint)>();
            foreach (var (no, reason) in Unmatched.Read(unmatched).Take(MostEndpoints))
            {
                if (await EndpointOf(no, known) is { } endpoint)
                {
                    passedOver.Add((reason, endpoint));
                }
            }
            var ends = delivered.Count == 0 ? [] : await attempts.EndsOfMessage(message.Seq, MostAttempts);
            told.Add(new MessageRecord(message, isErased, delivered, passedOver, ends.ToLookup(end => end.TargetNo)));
        }
        return told;
    }

    private async ValueTask<WebhookEndpoint?> EndpointOf(long no, Dictionary<long, WebhookEndpoint> known) =>
        known.TryGetValue(no, out var endpoint) ? endpoint : await endpoints.ViewTarget(no);

    /// <summary>The endpoints of which it matters what they were.</summary>
    private static IEnumerable<WebhookEndpoint> NeedsPast(MessageRecord record) =>
        record.Unmatched.Select(item => item.Endpoint).Concat(record.Deliveries
            .Where(item => item.Delivery.Status is DeliveryStatus.Canceled || (item.Delivery.Status is DeliveryStatus.Pending && item.Endpoint.Settings.Paused)).Select(item => item.Endpoint));
}

/// <summary>What explanations need to know of the server.</summary>
public sealed record ExplainOptions
{
    /// <summary>The server's address, as those who are to look at its pages know it.</summary>
    public string PublicUrl { get; init; } = "";
}
