using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries.Replays;

namespace Hookway.Replays;

/// <summary>The routes of replays.</summary>
public static class ReplaysApi
{
    public static void MapReplays(this IEndpointRouteBuilder routes)
    {
        var replays = routes.MapGroup("/api/v1/replays").WithTags("Replays");
        replays.MapGet("/", List).Needs(Scopes.MessageRead).WithSummary("List replays").Paged().Produces<Page<ReplayResource>>();
        replays.MapGet("/{replayId}", Get).Needs(Scopes.MessageRead).WithSummary("Fetch a replay").Produces<ReplayResource>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, ReplayStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "replays", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(caller.WorkspaceNo, page.Before, page.Rows), replay => replay.No, ReplayResource.Of));
    }

    private static async Task<IResult> Get(string replayId, Caller caller, ReplayStore store) =>
        await store.Find(caller.WorkspaceNo, replayId) is { } replay ? TypedResults.Ok(ReplayResource.Of(replay)) : Problem.NotFound("replay");
}

/// <summary>A replay, as the API shows it.</summary>
/// <param name="Kind">What was asked for: <c>message</c>.</param>
/// <param name="Filter">What it matched.</param>
/// <param name="Status">running or completed.</param>
/// <param name="Matched">Deliveries that were to be repeated.</param>
/// <param name="Queued">Deliveries that have been queued.</param>
/// <param name="Canceled">Deliveries that were canceled, or that a later replay took over.</param>
public sealed record ReplayResource(
    string ReplayId, string Kind, JsonElement Filter, string Status, int Matched, int Queued, int Succeeded, int Failed, int Canceled,
    DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    public static ReplayResource Of(Replay replay) => new(
        replay.ReplayId, replay.Kind, JsonElement.Parse(replay.Filter), replay.Status, replay.Matched, replay.Matched, replay.Succeeded, replay.Failed, replay.Canceled,
        replay.CreatedAt, replay.FinishedAt);
}
