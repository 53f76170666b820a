using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries.Replays;

namespace Hookway.Replays;

/// <summary>The routes of replays, whichever half began them.</summary>
public static class ReplaysApi
{
    public static void MapReplays(this IEndpointRouteBuilder routes)
    {
        var replays = routes.MapGroup("/api/v1/replays").WithTags("Replays");
        replays.MapGet("/", List).Needs(Scopes.MessageRead).Or(Scopes.IngestRead).PortalMay(Capabilities.MessagesReplay).WithSummary("List replays").Paged()
            .WithQuery("kind", "string", "Only those of this kind.", [.. ReplayKind.OfDispatch, .. ReplayKind.OfIngest])
            .WithQuery("status", "string", "Only those with this status.", [.. Replay.Statuses.Keys])
            .WithQuery("appId", "string", "Only those in this app.").WithQuery("endpointId", "string", "Only those for this endpoint alone.")
            .WithQuery("sourceId", "string", "Only those of this source's events.").WithQuery("destinationId", "string", "Only those for this destination alone.")
            .WithQuery("since", "date-time", "Only those asked for at or after this time.").WithQuery("until", "date-time", "Only those asked for before this time.")
            .Produces<Page<ReplayResource>>();
        replays.MapGet("/{replayId}", Get).Needs(Scopes.MessageRead).Or(Scopes.IngestRead).PortalMay(Capabilities.MessagesReplay).WithSummary("Fetch a replay")
            .WithDescription("Its counts grow while it runs.").Produces<ReplayResource>();
        replays.MapPost("/{replayId}/cancel", Cancel).Needs(Scopes.MessageWrite).Or(Scopes.IngestWrite).PortalMay(Capabilities.MessagesReplay).WithSummary("Cancel a replay")
            .WithDescription(
                "It queues nothing more, and what it queued and is still pending ends as canceled, with the reason replay_canceled. What was pending before the replay goes on without it. " +
                "An attempt in flight may still reach its receiver. A replay that is over stays as it is.")
            .Produces<ReplayResource>();
    }

    /// <summary>What a caller may see: of its workspace what is of the halves that it has the scope for, or as a portal session what is its recipient's.</summary>
    private static ReplayScope ScopeOf(Caller caller, string ofDispatch = Scopes.MessageRead, string ofIngest = Scopes.IngestRead) => caller.Portal is { } portal
        ? new(caller.WorkspaceNo, portal.AppId, portal.Recipient, ReplayKind.OfDispatch)
        : new(caller.WorkspaceNo, Kinds: (caller.Holds(ofDispatch), caller.Holds(ofIngest)) switch
        {
            (true, true) => null,
            (true, false) => ReplayKind.OfDispatch,
            _ => ReplayKind.OfIngest,
        });

    private static async Task<IResult> List(HttpRequest request, Caller caller, ReplayStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "replays", errors);
        var filter = new ReplayFilter(
            request.Text("kind"), request.Text("status"), request.Text("appId") ?? request.Text("sourceId"), request.Text("endpointId") ?? request.Text("destinationId"), request.Time("since", errors), request.Time("until", errors));
        if (filter.Status is not null && !Replay.Statuses.ContainsKey(filter.Status))
        {
            errors.Add("status", $"must be one of {string.Join(", ", Replay.Statuses.Keys)}");
        }
        if (filter.Kind is { } kind && !ReplayKind.OfDispatch.Contains(kind) && !ReplayKind.OfIngest.Contains(kind))
        {
            errors.Add("kind", $"must be one of {string.Join(", ", [.. ReplayKind.OfDispatch, .. ReplayKind.OfIngest])}");
        }
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(ScopeOf(caller), filter, page.Before, page.Rows), replay => replay.No, ReplayResource.Of));
    }

    private static async Task<IResult> Get(string replayId, Caller caller, ReplayStore store) =>
        await store.Find(ScopeOf(caller), replayId) is { } replay ? TypedResults.Ok(ReplayResource.Of(replay)) : Problem.NotFound("replay");

    private static async Task<IResult> Cancel(string replayId, Caller caller, ReplayRuns runs) =>
        await runs.Cancel(ScopeOf(caller, Scopes.MessageWrite, Scopes.IngestWrite), replayId) is { } replay ? TypedResults.Ok(ReplayResource.Of(replay)) : Problem.NotFound("replay");
}

/// <summary>A replay, as the API shows it.</summary>
/// <param name="Kind">What was asked for: <c>message</c>, one message again; <c>endpoint</c>, what an endpoint did not get, or all of it; <c>event</c>, one event again; or <c>events</c>, those that match a filter.</param>
/// <param name="Filter">What it is to match.</param>
/// <param name="Status">running until the last delivery that it queued has ended. failed: it could not go on, and <c>reason</c> says why. canceled: somebody stopped it.</param>
/// <param name="Reason">Why it failed: <c>endpoint_disabled</c>, <c>endpoint_deleted</c>, <c>app_archived</c> or <c>internal_error</c>; null otherwise.</param>
/// <param name="Searching">It still looks for what matches, so <c>matched</c> may grow.</param>
/// <param name="Matched">What matched, as far as it has looked: <c>queued</c> and <c>skipped</c> together.</param>
/// <param name="Queued">Deliveries that were opened again, made, or made due now; each ends as succeeded, failed or canceled.</param>
/// <param name="Skipped">What matched and has nothing left to send, because its data has been erased.</param>
/// <param name="Canceled">Deliveries that were canceled, that a later replay took over, or that go on without this one.</param>
/// <param name="FinishedAt">When the last delivery that it queued had ended; null until then.</param>
public sealed record ReplayResource(
    string ReplayId, string Kind, JsonElement Filter, [property: AllowedValues("running", "completed", "failed", "canceled")] string Status, string? Reason,
    bool Searching, int Matched, int Queued, int Skipped, int Succeeded, int Failed, int Canceled, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    public static ReplayResource Of(Replay replay) => new(
        replay.ReplayId, replay.Kind, JsonElement.Parse(replay.Filter), replay.Status, replay.Reason, replay.State is ReplayState.Walking, replay.Matched, replay.Queued,
        replay.Skipped, replay.Succeeded, replay.Failed, replay.Canceled, replay.CreatedAt, replay.FinishedAt);
}
