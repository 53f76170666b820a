using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Accepts messages. The fan-out is resolved from memory while the request is handled; many requests then share one commit, in which anything stale is resolved
/// again and repeated keys are found; after the commit the deliveries are handed to the engine, and only then is the caller told.
/// </summary>
public sealed class MessageIntake
{
    private readonly Database _database;
    private readonly Configuration _configuration;
    private readonly EndpointStore _endpoints;
    private readonly MessageReader _reader;
    private readonly DeliverySchedule _schedule;
    private readonly IdGenerator _ids;
    private readonly TimeProvider _clock;
    private readonly WriteLane<MessageSend, SendOutcome> _lane;

    public MessageIntake(
        Database database, Configuration configuration, EndpointStore endpoints, MessageReader reader, DeliverySchedule schedule, IdGenerator ids, TimeProvider clock)
    {
        _database = database;
        _configuration = configuration;
        _endpoints = endpoints;
        _reader = reader;
        _schedule = schedule;
        _ids = ids;
        _clock = clock;
        _lane = new WriteLane<MessageSend, SendOutcome>("messages", Accept, HandOff);
    }

    /// <summary>Accepts a message for all endpoints of its recipient that want it: 202 once it is durable.</summary>
    public async Task<IResult> Send(Caller caller, AppView view, MessageDraft draft)
    {
        var send = new MessageSend(caller, view.App, draft, draft.MessageId ?? _ids.New(IdPrefix.Message), _clock.GetUtcNow(), Only: null);
        // The key check comes first: a repeated send is the message it repeats, whatever has happened to its type since.
        if (send.HasKey && await _database.Read(connection => FindRepeated(connection, send)) is { } repeated)
        {
            return await Answer(view.App, repeated);
        }
        if (!view.PublishedTypes.Contains(draft.Type))
        {
            return NotPublished(draft.Type);
        }
        var recipient = await _endpoints.ViewRecipient(view.App, draft.Recipient);
        return await Answer(view.App, await _database.Write(_lane, send with { Resolved = Resolve(send, recipient) }));
    }

    /// <summary>Accepts a test message: an event type's example, for one endpoint alone.</summary>
    public async Task<IResult> SendTest(Caller caller, AppView view, WebhookEndpoint endpoint, byte[]? example, string? type)
    {
        const string TestType = "hookway.test";
        if (type is not null && !view.PublishedTypes.Contains(type))
        {
            return NotPublished(type);
        }
        if (!endpoint.Settings.Enabled)
        {
            return EndpointDisabled();
        }
        var draft = new MessageDraft(endpoint.Recipient, type ?? TestType, example ?? "{}"u8.ToArray(), null, null, null);
        var send = new MessageSend(caller, view.App, draft, _ids.New(IdPrefix.Message), _clock.GetUtcNow(), Only: endpoint.EndpointId);
        return await Answer(view.App, await _database.Write(_lane, send with { Resolved = new Fanout(endpoint.RecipientNo, [endpoint]) }));
    }

    public static Problem EndpointDisabled() => Problem.BadRequest("endpoint_disabled", "The endpoint is disabled; enable it first.");

    private static Problem NotPublished(string type) =>
        Problem.BadRequest("event_type_not_published", $"The event type {type} is not published in this app.", "type");

    private async Task<IResult> Answer(App app, SendOutcome outcome)
    {
        if (outcome.Problem is not null)
        {
            return outcome.Problem;
        }
        var resource = outcome.Accepted is { } accepted
            ? MessageResource.Of(
                app, accepted, [.. outcome.Targets.Select(endpoint => new Delivery(accepted.Seq, endpoint.No, DeliveryStatus.Pending, 0, outcome.DueAt, null, null, null))],
                outcome.Targets.ToDictionary(endpoint => endpoint.No))
            : await _reader.WithoutData(app, outcome.RepeatedId!);
        return resource is null
            ? Problem.NotFound("message")
            : TypedResults.Accepted($"/api/v1/apps/{app.AppId}/messages/{resource.MessageId}", resource with { Duplicate = outcome.Accepted is null });
    }

    private async Task<SendOutcome[]> Accept(WriteSession session, IReadOnlyList<MessageSend> sends)
    {
        await _configuration.CatchUp(session);
        var outcomes = new SendOutcome[sends.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = await Accept(session, sends[i]);
        }
        return outcomes;
    }

    private async Task<SendOutcome> Accept(WriteSession session, MessageSend send)
    {
        if (_configuration.IsStale(send.Caller.KeySubject, send.Caller.Version) && !await AccessStore.IsUsable(session, send.Caller.Key.KeyId, send.CreatedAt))
        {
            return SendOutcome.Refused(Problem.Unauthorized("The API key has been revoked."));
        }
        if (send.HasKey && await FindRepeated(session.Connection, send) is { } repeated)
        {
            return repeated;
        }
        if (_configuration.IsStale(send.App.Subject(), send.Caller.Version))
        {
            var view = await AppStore.Load(session.Connection, send.App.AppId);
            if (view is not { App.ArchivedAt: null })
            {
                return SendOutcome.Refused(Problem.NotFound("app"));
            }
            if (send.Only is null && !view.PublishedTypes.Contains(send.Draft.Type))
            {
                return SendOutcome.Refused(NotPublished(send.Draft.Type));
            }
        }
        var fanout = send.Resolved!;
        if (_configuration.IsStale(Recipient.Subject(send.App.No, send.Draft.Recipient), send.Caller.Version))
        {
            fanout = Resolve(send, await _endpoints.LoadRecipient(session.Connection, send.App.No, send.Draft.Recipient));
            if (send.Only is not null && fanout.Targets.Count == 0)
            {
                return SendOutcome.Refused(EndpointDisabled());
            }
        }
        return await Store(session, send, fanout);
    }

    private static async Task<SendOutcome> Store(WriteSession session, MessageSend send, Fanout fanout)
    {
        var recipientNo = fanout.RecipientNo ?? await RecipientStore.Ensure(session, send.App.No, send.Draft.Recipient, null, send.CreatedAt);
        var seq = await MessageStore.Insert(session, send, recipientNo);
        var dueAt = send.Draft.DeliverAt ?? send.CreatedAt;
        foreach (var endpoint in fanout.Targets)
        {
            await DeliveryStore.Insert(session, seq, endpoint.No, send.Trigger, dueAt);
        }
        if (send.Draft.IdempotencyKey is { } key)
        {
            await MessageStore.InsertKey(session, send.App.No, key, seq, send.CreatedAt);
        }
        var message = new Message(
            seq, send.App.No, send.MessageId, recipientNo, send.Draft.Recipient, send.Draft.Type, send.CreatedAt, send.Draft.DeliverAt, null, null);
        return SendOutcome.Stored(message, fanout.Targets, dueAt);
    }

    private void HandOff(IReadOnlyList<MessageSend> sends, IReadOnlyList<SendOutcome> outcomes)
    {
        _configuration.CaughtUp();
        for (var i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i].Accepted is not { } message)
            {
                continue;
            }
            MessageContent? content = null;
            foreach (var endpoint in outcomes[i].Targets)
            {
                if (message.DeliverAt is { } later)
                {
                    _schedule.WakeAt(endpoint.No, later);
                    continue;
                }
                content ??= MessageContent.Of(message.MessageId, message.EventType, message.CreatedAt, sends[i].Draft.Data.Span);
                _schedule.HandOff(
                    endpoint.Target, new PendingDelivery(message.Seq, endpoint.No, 0, sends[i].Trigger, 0, 0, content, content.Body.Length));
            }
        }
    }

    private static Fanout Resolve(MessageSend send, RecipientView? recipient)
    {
        if (recipient is null)
        {
            return new Fanout(null, []);
        }
        var data = new Lazy<JsonElement>(() => RawJson.Element(send.Draft.Data)!.Value);
        return new Fanout(recipient.RecipientNo, [.. recipient.Endpoints.Where(endpoint =>
            endpoint.Settings.Enabled && (send.Only is null ? endpoint.Settings.Matches(send.Draft.Type, data) : endpoint.EndpointId == send.Only))]);
    }

    /// <summary>The message that the caller's keys stand for already, or what is wrong with using them again.</summary>
    private static async Task<SendOutcome?> FindRepeated(System.Data.Common.DbConnection connection, MessageSend send)
    {
        var byId = send.Draft.MessageId is { } id ? await MessageStore.FindById(connection, send.App, id) : null;
        var byKey = send.Draft.IdempotencyKey is { } key ? await MessageStore.FindByKey(connection, send.App, key, send.CreatedAt) : null;
        if ((byId ?? byKey) is not { } known)
        {
            return null;
        }
        if ((byKey is not null && send.Draft.MessageId is { } own && own != byKey.MessageId) || (byId is not null && byKey is not null && byId.Seq != byKey.Seq))
        {
            return SendOutcome.Refused(Mismatch("The messageId and the idempotencyKey stand for different messages."));
        }
        return known.ContentHash.AsSpan().SequenceEqual(send.ContentHash)
            ? SendOutcome.Repeated(known.MessageId)
            : SendOutcome.Refused(Mismatch("A message with this key was sent before with another recipient, type or data."));
    }

    private static Problem Mismatch(string detail) => Problem.BadRequest("idempotency_mismatch", detail);
}

/// <summary>One send on its way to the writer.</summary>
/// <param name="Only">The one endpoint a test message is for; null for all that match.</param>
public sealed record MessageSend(Caller Caller, App App, MessageDraft Draft, string MessageId, DateTimeOffset CreatedAt, string? Only)
{
    /// <summary>The endpoints it goes to, as resolved from memory.</summary>
    public Fanout? Resolved { get; init; }

    public bool HasKey => Draft.MessageId is not null || Draft.IdempotencyKey is not null;

    public DeliveryTrigger Trigger => Only is null ? DeliveryTrigger.Automatic : DeliveryTrigger.Test;

    /// <summary>What a repeated send must share; kept only where one can be recognised.</summary>
    public byte[]? ContentHash { get; } =
        Draft.MessageId is null && Draft.IdempotencyKey is null ? null : Message.HashOf(Draft.Recipient, Draft.Type, Draft.Data.Span);
}

/// <summary>Where a message goes.</summary>
/// <param name="RecipientNo">Null when the recipient is to be made.</param>
public sealed record Fanout(long? RecipientNo, IReadOnlyList<WebhookEndpoint> Targets);

/// <summary>What became of a send: stored, a repeat of an earlier one, or refused.</summary>
public sealed record SendOutcome(Message? Accepted, string? RepeatedId, Problem? Problem, IReadOnlyList<WebhookEndpoint> Targets, DateTimeOffset DueAt)
{
    public static SendOutcome Stored(Message message, IReadOnlyList<WebhookEndpoint> targets, DateTimeOffset dueAt) => new(message, null, null, targets, dueAt);

    public static SendOutcome Repeated(string messageId) => new(null, messageId, null, [], default);

    public static SendOutcome Refused(Problem problem) => new(null, null, problem, [], default);
}
