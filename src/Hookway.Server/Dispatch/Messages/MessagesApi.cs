using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Replays;

namespace Hookway.Dispatch.Messages;

/// <summary>The routes of messages.</summary>
public static class MessagesApi
{
    public static void MapMessages(this IEndpointRouteBuilder routes)
    {
        var messages = routes.MapGroup("/api/v1/apps/{appId}/messages").WithTags("Messages");
        messages.MapPost("/", Send).Needs(Scopes.MessageWrite).WithSummary("Send a message").WithMetadata(new JudgedInTransaction())
            .WithDescription("202 means that the message and its deliveries are durable. A repeated messageId or idempotencyKey resolves to the first message.")
            .WithMetadata(new BodyLimit("data", routes.ServiceProvider.GetRequiredService<WorkspaceLimits>().PayloadBytes!.Value))
            .Accepts<SendMessage>("application/json").Produces<MessageResource>(StatusCodes.Status202Accepted);
        messages.MapPost("/batch", SendBatch).Needs(Scopes.MessageWrite).WithSummary("Send messages in a batch")
            .WithDescription("Up to 1000 messages in 16 MiB. Each stands alone: one that is refused is a problem in its place, and the others go in, accepted in the order of the request and in one commit. "
                + "Each may have its own messageId or idempotencyKey; an Idempotency-Key header is refused.")
            .WithMetadata(new BodyLimit("The request body", MessageBatch.MostBytes))
            .Accepts<SendMessages>("application/json").Produces<BatchSent>(StatusCodes.Status202Accepted);
        messages.MapGet("/", List).Needs(Scopes.MessageRead).PortalMay(Capabilities.MessagesRead).WithSummary("List messages").Paged()
            .WithQuery("recipient", "string", "Only those to this recipient.").WithQuery("type", "string", "Only those of this event type.")
            .WithQuery("status", "string", "Only those with this status.", [.. ItemStatus.All])
            .WithQuery("since", "date-time", "Only those accepted at or after this time.").WithQuery("until", "date-time", "Only those accepted before this time.")
            .WithQuery("q", "string", "Only those whose id, recipient or event type is this or begins with it. With inPayload: those whose data holds it, byte by byte as it was sent.")
            .WithQuery("inPayload", "boolean", "Search in data instead, newest first and at most 500 ms a page: a page may hold few items or none and still have a nextCursor.")
            .Produces<Page<MessageResource>>();
        messages.MapGet("/{messageId}", Get).Needs(Scopes.MessageRead).PortalMay(Capabilities.MessagesRead).WithSummary("Fetch a message")
            .WithDescription("With its data and its deliveries.").Produces<MessageResource>();
        messages.MapGet("/{messageId}/attempts", Attempts).Needs(Scopes.MessageRead).PortalMay(Capabilities.MessagesRead).WithSummary("List a message's attempts")
            .WithDescription("Oldest first.").Paged()
            .WithQuery("endpointId", "string", "Only those to this endpoint.").WithQuery("status", "string", "Only those that succeeded, or failed.", "succeeded", "failed")
            .Produces<Page<AttemptResource>>();
        messages.MapPost("/{messageId}/replay", Replay).Needs(Scopes.MessageWrite).PortalMay(Capabilities.MessagesReplay).WithSummary("Replay a message")
            .WithDescription("Reopens its deliveries with a fresh retry budget; with an endpointId also makes the missing one.")
            .Accepts<ReplayMessage>("application/json").Produces<ReplayResource>(StatusCodes.Status202Accepted);
        messages.MapPost("/{messageId}/cancel", Cancel).Needs(Scopes.MessageWrite).WithSummary("Cancel a message")
            .WithDescription("Its pending deliveries stop. An attempt in flight may still reach its receiver; nothing follows it.").Produces<MessageResource>();
        messages.MapDelete("/{messageId}/payload", ErasePayload).Needs(Scopes.MessageWrite).WithSummary("Erase a message's data")
            .WithDescription("The record and its deliveries stay, without data; those that were pending are canceled.").Produces<MessageResource>();
    }

    private static Task<IResult> Send(string appId, HttpContext http, Caller caller, SendRequests requests) => requests.Send(http, caller, appId);

    private static Task<IResult> SendBatch(string appId, HttpContext http, Caller caller, SendRequests requests) => requests.SendBatch(http, caller, appId);

    private static async Task<IResult> List(string appId, HttpRequest request, Caller caller, AppStore apps, MessageReader reader)
    {
        if (await apps.View(caller, appId) is not { App: var app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "messages", errors);
        var filter = new MessageFilter(
            request.Text("recipient"), request.Text("type"), request.Text("status"), request.Time("since", errors), request.Time("until", errors),
            request.Text("q"), request.Flag("inPayload", errors) ?? false);
        if (filter.Status is not null && !ItemStatus.All.Contains(filter.Status))
        {
            errors.Add("status", $"must be one of {string.Join(", ", ItemStatus.All)}");
        }
        if (filter is { InPayload: true, Q: null })
        {
            errors.Add("q", "is required with inPayload");
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        return TypedResults.Ok(page.Of(await reader.List(app, filter, page.Before, page.Rows), item => item.Message.Seq, item => item.Resource));
    }

    private static async Task<IResult> Get(string appId, string messageId, Caller caller, AppStore apps, MessageReader reader) =>
        await apps.View(caller, appId) is { App: var app } && await reader.WithData(app, messageId) is { } message
            ? TypedResults.Ok(message)
            : Problem.NotFound("message");

    private static async Task<IResult> Attempts(
        string appId, string messageId, HttpRequest request, Caller caller, AppStore apps, MessageStore store, EndpointStore endpoints, MessageReader reader)
    {
        if (await apps.View(caller, appId) is not { App: var app } || await store.Find(app, messageId) is not { } message)
        {
            return Problem.NotFound("message");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "attempts", errors);
        var succeeded = AttemptResource.SucceededOf(request.Text("status"), errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        WebhookEndpoint? endpoint = null;
        if (request.Text("endpointId") is { } endpointId && (endpoint = await endpoints.FindWithDeleted(app, endpointId)) is null)
        {
            return Problem.NotFound("endpoint");
        }
        var rows = await reader.Attempts(message, endpoint, succeeded, page.After ?? 0, page.Rows);
        return TypedResults.Ok(page.Of(rows, item => item.Attempt.Seq, item => item.Resource));
    }

    private static async Task<IResult> Replay(
        string appId, string messageId, HttpContext http, Caller caller, AppStore apps, MessageStore store, MessageReplay replay)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app } || await store.FindWithData(app, messageId) is not { } message)
        {
            return Problem.NotFound("message");
        }
        var (input, problem) = await JsonInput.Read<ReplayMessage>(http, allowEmpty: true);
        return input is null ? problem! : await replay.Replay(app, message, input.EndpointId);
    }

    private static async Task<IResult> Cancel(string appId, string messageId, Caller caller, AppStore apps, MessageErasure erasure, MessageReader reader) =>
        await apps.View(caller, appId) is { App: { ArchivedAt: null } app } && await erasure.Cancel(app, messageId)
            && await reader.WithoutData(app, messageId) is { } message ? TypedResults.Ok(message) : Problem.NotFound("message");

    private static async Task<IResult> ErasePayload(string appId, string messageId, Caller caller, AppStore apps, MessageErasure erasure, MessageReader reader) =>
        await apps.View(caller, appId) is { App: { ArchivedAt: null } app } && await erasure.ErasePayload(app, messageId)
            && await reader.WithoutData(app, messageId) is { } message ? TypedResults.Ok(message) : Problem.NotFound("message");
}

/// <summary>The body of "replay a message".</summary>
/// <param name="EndpointId">Only to this endpoint; absent: to all that the message went to and that are in service.</param>
public sealed record ReplayMessage(string? EndpointId) : IRequestBody;
