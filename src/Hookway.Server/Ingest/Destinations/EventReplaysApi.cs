using System.ComponentModel.DataAnnotations;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Ingest.Ledger;
using Hookway.Replays;

namespace Hookway.Ingest.Destinations;

/// <summary>The routes that forward events again. What becomes of a replay is told by those of replays.</summary>
public static class EventReplaysApi
{
    public static void MapEventReplays(this IEndpointRouteBuilder routes)
    {
        var ingest = routes.MapGroup("/api/v1/ingest").WithTags("Events");
        ingest.MapPost("/events/{eventId}/replay", Replay).Needs(Scopes.IngestWrite).WithSummary("Replay an event")
            .WithDescription(
                "Forwards it again to the destinations that it went to, or to one. An event that went nowhere goes where it would go now; for one destination the missing delivery is made. " +
                "What is still pending becomes due now. An event whose signature is wrong is never forwarded.")
            .Accepts<ReplayEvent>("application/json").Produces<ReplayResource>(StatusCodes.Status202Accepted);
        ingest.MapPost("/replays", Begin).Needs(Scopes.IngestWrite).WithSummary("Replay events")
            .WithDescription(
                "Forwards again, in the background and oldest first, what matches all that is given. 202 means that the replay is durable; it goes on after a restart, and its counts say how far it " +
                "has come. With dryRun nothing is forwarded, and the answer is a 200 that says how many deliveries match.")
            .Accepts<ReplayEvents>("application/json").Produces<ReplayResource>(StatusCodes.Status202Accepted).Produces<DryReplay>();
    }

    private static async Task<IResult> Replay(string eventId, HttpContext http, Caller caller, EventStore events, EventReplay replay)
    {
        if (await events.Find(caller.WorkspaceNo, eventId) is not { } found)
        {
            return Problem.NotFound("event");
        }
        var (input, problem) = await JsonInput.Read<ReplayEvent>(http, allowEmpty: true);
        return input is null ? problem! : await replay.Replay(caller, found, input.DestinationId);
    }

    private static async Task<IResult> Begin(HttpContext http, Caller caller, EventReplays replays)
    {
        var (input, problem) = await JsonInput.Read<ReplayEvents>(http);
        return input is null ? problem! : await replays.Begin(caller, input);
    }
}

/// <summary>The body of "replay an event".</summary>
/// <param name="DestinationId">Only to this one; absent: to all that it went to and that are in service.</param>
public sealed record ReplayEvent(string? DestinationId) : IRequestBody;

/// <summary>The body of "replay events". What is absent does not limit it.</summary>
/// <param name="SourceId">Only events of this source.</param>
/// <param name="DestinationId">Only deliveries to this destination.</param>
/// <param name="Q">Only events whose id, vendor's id, entity or type is this or begins with it.</param>
/// <param name="Type">Only events of this type, or of those that begin as a prefix such as <c>invoice.*</c> says; of a batch the first item's counts.</param>
/// <param name="Status">
/// Only deliveries with this status: <c>failed</c> (also what was canceled because the destination was disabled or with a canceled replay), <c>succeeded</c>, <c>pending</c>
/// (made due now), <c>canceled</c>; or <c>skipped</c>: events that match now and were never on their way. Absent: all of them, but not what a person canceled.
/// </param>
/// <param name="Since">Only events received at or after this time.</param>
/// <param name="Until">Only events received before this time.</param>
/// <param name="DryRun">Say how many match, and forward nothing.</param>
public sealed record ReplayEvents(
    string? SourceId, string? DestinationId, string? Q, string? Type, [property: AllowedValues("pending", "failed", "succeeded", "canceled", "skipped")] string? Status,
    DateTimeOffset? Since, DateTimeOffset? Until, bool? DryRun) : IRequestBody;

/// <summary>What a replay would match.</summary>
/// <param name="Matched">Deliveries that would be opened again, made, or made due now, and those whose event's body has been erased.</param>
/// <param name="Complete">False when there was too much to look through: then there may be more.</param>
public sealed record DryReplay(int Matched, bool Complete);
