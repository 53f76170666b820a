using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.EventTypes.Schemas;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Accepts messages. The fan-out is resolved from memory while the request is handled; many requests then share one <see cref="MessageCommit"/>; after the commit the
/// deliveries are handed to the engine, and only then is the caller told.
/// </summary>
public sealed class MessageIntake
{
    /// <summary>The type of a test message that names none.</summary>
    public const string TestType = "hookway.test";

    private readonly Database _database;
    private readonly Configuration _configuration;
    private readonly EventTypeStore _types;
    private readonly EndpointStore _endpoints;
    private readonly UsageStore _usage;
    private readonly TimeOrder _times;
    private readonly MessageReader _reader;
    private readonly DeliverySchedule _schedule;
    private readonly MessageMetrics _metrics;
    private readonly RetentionDays _retention;
    private readonly IdGenerator _ids;
    private readonly TimeProvider _clock;
    private readonly WriteLane<MessageSend, SendOutcome> _lane;
    private readonly WriteLane<IReadOnlyList<MessageSend>, IReadOnlyList<SendOutcome>> _batches;

    public MessageIntake(
        Database database, Configuration configuration, EventTypeStore types, EndpointStore endpoints, MessageStore messages, MessageReader reader, DeliverySchedule schedule,
        MessageMetrics metrics, UsageStore usage, RetentionDays retention, IdGenerator ids, TimeProvider clock)
    {
        _metrics = metrics;
        _database = database;
        _configuration = configuration;
        _types = types;
        _endpoints = endpoints;
        _usage = usage;
        _times = messages.Times;
        _reader = reader;
        _schedule = schedule;
        _retention = retention;
        _ids = ids;
        _clock = clock;
        _lane = new WriteLane<MessageSend, SendOutcome>(
            "messages", (session, sends) => new MessageCommit(session, configuration, endpoints, usage, messages.Times).Accept(sends), HandOff, send => send.Draft.Data.Length);
        _batches = new WriteLane<IReadOnlyList<MessageSend>, IReadOnlyList<SendOutcome>>(
            "message batches", CommitBatches, HandOffBatches, sends => sends.Sum(send => (long)send.Draft.Data.Length));
    }

    /// <summary>Accepts a message for all endpoints of its recipient that want it: 202 once it is durable.</summary>
    public async Task<IResult> Send(Caller caller, AppView view, MessageDraft draft)
    {
        var (send, refused) = await Resolve(caller, view, draft, _clock.GetUtcNow());
        return send is null ? refused! : await Answer(view.App, await Accept(send));
    }

    /// <summary>Accepts a send, in a transaction that it may share with others.</summary>
    public Task<SendOutcome> Accept(MessageSend send) => _database.Write(_lane, send);

    /// <summary>Accepts sends in one transaction, in their order; answers what became of each.</summary>
    public Task<IReadOnlyList<SendOutcome>> AcceptTogether(IReadOnlyList<MessageSend> sends) => _database.Write(_batches, sends);

    /// <summary>A send with its fan-out as memory has it, or why it can be refused at once.</summary>
    public async ValueTask<(MessageSend? Send, Problem? Refused)> Resolve(Caller caller, AppView view, MessageDraft draft, DateTimeOffset now)
    {
        if (draft.DeliverAt is { } later && await _retention.Of(caller.WorkspaceNo) is var days && later > now.AddDays(days))
        {
            return (null, Problem.Invalid("deliverAt", $"must be inside the {days} days for which messages are kept"));
        }
        var send = new MessageSend(caller, view.App, draft, draft.MessageId ?? _ids.New(IdPrefix.Message), now, Only: null);
        var refusal = !view.PublishedTypes.Contains(draft.Type) ? NotPublished(draft.Type)
            : !view.TypesWithSchema.Contains(draft.Type) ? null
            : Mismatch(draft, await _types.ViewSchema(view.App, draft.Type));
        if (refusal is null)
        {
            return (send with { Resolved = Fanout.Resolve(send, await _endpoints.ViewRecipient(view.App, draft.Recipient)) }, null);
        }
        // The key check comes first: a repeated send is the message it repeats, whatever has happened to its type since.
        return send.HasKey ? (send with { Refusal = refusal }, null) : (null, refusal);
    }

    /// <summary>Accepts a test message: an event type's example, for one endpoint alone.</summary>
    public async Task<IResult> SendTest(Caller caller, AppView view, WebhookEndpoint endpoint, byte[]? example, string? type)
    {
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
        return await Answer(view.App, await Accept(send with { Resolved = new Fanout(endpoint.RecipientNo, [endpoint]) }));
    }

    public static Problem EndpointDisabled() => Problem.BadRequest("endpoint_disabled", "The endpoint is disabled; enable it first.");

    public static Problem NotPublished(string type) =>
        Problem.BadRequest("event_type_not_published", $"The event type {type} is not published in this app.", "type");

    /// <summary>What is wrong with the data of a send by the schema of its type; null when it matches, or there is none.</summary>
    public static Problem? Mismatch(MessageDraft draft, JsonSchema? schema)
    {
        if (schema?.Check(RawJson.Element(draft.Data)!.Value, draft.Data.Length) is not { } errors)
        {
            return null;
        }
        var found = errors.ToDictionary();
        var (pointer, problems) = found.First();
        var others = found.Count > 1 ? $" ({found.Count - 1} more in errors)" : "";
        return Problem.Of(
            StatusCodes.Status400BadRequest, "schema_mismatch", $"The data does not match the schema of {draft.Type}: data{pointer} {problems[0]}{others}.", found);
    }

    /// <summary>The answer to a send.</summary>
    public async Task<IResult> Answer(App app, SendOutcome outcome)
    {
        if (outcome.Problem is not null)
        {
            return outcome.Problem;
        }
        var resource = outcome.Accepted is { } accepted ? await ViewOf(app, accepted, outcome) : await _reader.WithoutData(app, outcome.RepeatedId!);
        return resource is null
            ? Problem.NotFound("message")
            : TypedResults.Accepted($"/api/v1/apps/{app.AppId}/messages/{resource.MessageId}", resource with { Duplicate = outcome.Accepted is null });
    }

    private async Task<MessageResource> ViewOf(App app, Message accepted, SendOutcome outcome)
    {
        if (outcome.Targets.Any(endpoint => endpoint.Target.IsFailing))
        {
            try
            {
                // When a target fails its deliveries wait for the next probe, and the store says when that is.
                if (await _reader.WithoutData(app, accepted.MessageId) is { } stored)
                {
                    return stored;
                }
            }
            catch (StorageUnavailableException)
            {
                // It is accepted, whoever cannot be asked now: a refusal would have it sent again.
            }
        }
        return MessageResource.Of(
            app, accepted, [.. outcome.Targets.Select(endpoint => new Delivery(accepted.Seq, endpoint.No, DeliveryStatus.Pending, 0, outcome.DueAt, null, null, null))],
            outcome.Targets.ToDictionary(endpoint => endpoint.No));
    }

    private async Task<IReadOnlyList<SendOutcome>[]> CommitBatches(WriteSession session, IReadOnlyList<IReadOnlyList<MessageSend>> batches)
    {
        var outcomes = await new MessageCommit(session, _configuration, _endpoints, _usage, _times).Accept([.. batches.SelectMany(batch => batch)]);
        var taken = 0;
        var results = new IReadOnlyList<SendOutcome>[batches.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = new ArraySegment<SendOutcome>(outcomes, taken, batches[i].Count);
            taken += batches[i].Count;
        }
        return results;
    }

    private void HandOffBatches(IReadOnlyList<IReadOnlyList<MessageSend>> batches, IReadOnlyList<IReadOnlyList<SendOutcome>> outcomes)
    {
        for (var i = 0; i < batches.Count; i++)
        {
            HandOff(batches[i], outcomes[i]);
        }
    }

    private void HandOff(IReadOnlyList<MessageSend> sends, IReadOnlyList<SendOutcome> outcomes)
    {
        _configuration.CaughtUp();
        _times.Noted();
        _metrics.Judged(outcomes);
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
}

/// <summary>One send on its way to the writer.</summary>
/// <param name="Only">The one endpoint a test message is for; null for all that match.</param>
public sealed record MessageSend(Caller Caller, App App, MessageDraft Draft, string MessageId, DateTimeOffset CreatedAt, string? Only)
{
    /// <summary>The endpoints it goes to, as resolved from memory; null when it is refused.</summary>
    public Fanout? Resolved { get; init; }

    /// <summary>Why it is refused, unless it repeats an earlier send.</summary>
    public Problem? Refusal { get; init; }

    public bool HasKey => Draft.MessageId is not null || Draft.IdempotencyKey is not null;

    public DeliveryTrigger Trigger => Only is null ? DeliveryTrigger.Automatic : DeliveryTrigger.Test;

    /// <summary>What a repeated send must share; kept only where one can be recognised.</summary>
    public byte[]? ContentHash { get; } =
        Draft.MessageId is null && Draft.IdempotencyKey is null ? null : Message.HashOf(Draft.Recipient, Draft.Type, Draft.Data.Span);
}

/// <summary>Where a message goes.</summary>
/// <param name="RecipientNo">Null when the recipient is to be made.</param>
/// <param name="Unmatched">The recipient's other endpoints, each with why it is not for them; null when there are none.</param>
public sealed record Fanout(long? RecipientNo, IReadOnlyList<WebhookEndpoint> Targets, Unmatched? Unmatched = null)
{
    /// <summary>The recipient's enabled endpoints that want the message; for a test message, the one it is for.</summary>
    public static Fanout Resolve(MessageSend send, RecipientView? recipient)
    {
        if (recipient is null)
        {
            return new Fanout(null, []);
        }
        if (send.Only is not null)
        {
            return new Fanout(recipient.RecipientNo, [.. recipient.Endpoints.Where(endpoint => endpoint.Settings.Enabled && endpoint.EndpointId == send.Only)]);
        }
        var data = new Lazy<JsonElement>(() => RawJson.Element(send.Draft.Data)!.Value);
        var targets = new List<WebhookEndpoint>(recipient.Endpoints.Count);
        Unmatched? unmatched = null;
        foreach (var endpoint in recipient.Endpoints)
        {
            if (endpoint.Settings.Mismatch(send.Draft.Type, data) is { } reason)
            {
                (unmatched ??= new Unmatched()).Add(endpoint.No, reason);
            }
            else
            {
                targets.Add(endpoint);
            }
        }
        return new Fanout(recipient.RecipientNo, targets, unmatched);
    }
}

/// <summary>What became of a send: stored, a repeat of an earlier one, or refused.</summary>
public sealed record SendOutcome(Message? Accepted, string? RepeatedId, Problem? Problem, IReadOnlyList<WebhookEndpoint> Targets, DateTimeOffset DueAt)
{
    public static SendOutcome Stored(Message message, IReadOnlyList<WebhookEndpoint> targets, DateTimeOffset dueAt) => new(message, null, null, targets, dueAt);

    public static SendOutcome Repeated(string messageId) => new(null, messageId, null, [], default);

    public static SendOutcome Refused(Problem problem) => new(null, null, problem, [], default);

    /// <summary>It was routed by an app that is not any more as it was: to be read again.</summary>
    public static SendOutcome Outdated { get; } = new(null, null, Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The app has just been changed."), [], default);

    public bool IsOutdated => ReferenceEquals(this, Outdated);
}
