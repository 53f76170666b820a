using System.Text.Json;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Replays;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Delivers again to one endpoint what it did not get since a time, what it was never sent, or all of it: walks its recipient's messages, oldest first.</summary>
public sealed class EndpointReplay(
    EndpointStore endpoints, MessageStore messages, ReplayableMessages replayable, MessageDeliveries targets, ReplayRuns runs, IdGenerator ids,
    TimeProvider clock) : IReplaySource
{
    private const int MostTypes = 500;
    private const int RowsPerRead = 500;
    private const int ReadsPerStep = 10;

    private static readonly Dictionary<string, ReplayWish> Wishes = new()
    {
        ["failed"] = ReplayWish.Failed,
        ["missing"] = ReplayWish.Missing,
        ["all"] = ReplayWish.All,
    };

    public string Kind => ReplayKind.Endpoint;

    public string Counter => MessageStore.Counter;

    public IDeliverySource Targets => targets;

    /// <summary>Begins a replay; 202 once it is durable.</summary>
    public async Task<IResult> Begin(App app, WebhookEndpoint endpoint, ReplayEndpoint asked)
    {
        if (Check(asked) is { Any: true } errors)
        {
            return Problem.Invalid(errors);
        }
        var filter = new EndpointReplayFilter(
            app.AppId, endpoint.EndpointId, asked.Since!.Value, asked.Until, asked.Status ?? "failed", asked.Types is { Count: > 0 } ? asked.Types : null);
        var (after, last) = await messages.SeqsBetween(filter.Since.ToUnixTimeMilliseconds(), filter.Until?.ToUnixTimeMilliseconds());
        var replay = new NewReplay(
            app.WorkspaceNo, ids.New(IdPrefix.Replay), Kind, JsonSerializer.Serialize(filter, ApiJson.Options), app.AppId, endpoint.EndpointId, endpoint.No, endpoint.Recipient, after, last);
        return await runs.Begin(replay, session => EndpointStore.EndedNow(session, endpoint.No)) switch
        {
            { Begun: { } begun } => TypedResults.Accepted($"/api/v1/replays/{begun.ReplayId}", ReplayResource.Of(begun)),
            { Refused: DeliveryChange.TargetDisabled } => MessageIntake.EndpointDisabled(),
            _ => Problem.NotFound("endpoint"),
        };
    }

    private static FieldErrors Check(ReplayEndpoint asked)
    {
        var errors = new FieldErrors();
        if (asked.Since is null)
        {
            errors.Add("since", "is required: an RFC 3339 time, such as 2026-01-31T12:00:00.000Z");
        }
        if (asked.Until <= asked.Since)
        {
            errors.Add("until", "must be after since");
        }
        if (asked.Status is { } status && !Wishes.ContainsKey(status))
        {
            errors.Add("status", $"must be {string.Join(", ", Wishes.Keys)}");
        }
        if (asked.Types?.Count > MostTypes)
        {
            errors.Add("types", $"must be at most {MostTypes}");
        }
        for (var i = 0; i < asked.Types?.Count; i++)
        {
            if (!EndpointSettings.IsPattern(asked.Types[i]))
            {
                errors.Add($"types[{i}]", "must be an event type's name, or a prefix such as invoice.*");
            }
        }
        return errors;
    }

    public async Task<ReplayBatch> Next(Replay replay, int most)
    {
        if (await endpoints.ViewTarget(replay.TargetNo!.Value) is not { } endpoint)
        {
            // Erased: the step finds that out for itself, and ends.
            return new ReplayBatch([], 0, replay.WalkLast, IsLast: true);
        }
        var filter = JsonSerializer.Deserialize<EndpointReplayFilter>(replay.Filter, ApiJson.Options)!;
        var (items, skipped, at) = (new List<ReplayItem>(), 0, replay.WalkAfter);
        for (var read = 0; read < ReadsPerStep && items.Count < most; read++)
        {
            var rows = await Read(endpoint, filter.Wish, at, replay.WalkLast);
            foreach (var row in rows)
            {
                at = row.Seq;
                if (!await Matches(endpoint, filter, row))
                {
                    continue;
                }
                if (!row.HasData)
                {
                    skipped++;
                    continue;
                }
                items.Add(new ReplayItem(row.Seq, endpoint.No, filter.Wish, row.Delivery is null ? DueAt(row) : null));
                if (items.Count == most)
                {
                    return new ReplayBatch(items, skipped, at, IsLast: false);
                }
            }
            if (rows.Count < RowsPerRead)
            {
                return new ReplayBatch(items, skipped, replay.WalkLast, IsLast: true);
            }
        }
        return new ReplayBatch(items, skipped, at, IsLast: false);
    }

    private Task<List<ReplayableMessage>> Read(WebhookEndpoint endpoint, ReplayWish wish, long after, long last) => wish is ReplayWish.Failed
        ? replayable.Unsuccessful(endpoint, after, last, RowsPerRead)
        : replayable.OfRecipient(endpoint, after, last, RowsPerRead);

    private async ValueTask<bool> Matches(WebhookEndpoint endpoint, EndpointReplayFilter filter, ReplayableMessage message) =>
        message.CreatedAt >= filter.Since && !(message.CreatedAt >= filter.Until)
        && (filter.Types is null || filter.Types.Any(pattern => EndpointSettings.Covers(pattern, message.EventType)))
        && ReplaySelection.Wants(filter.Wish, message.Delivery, clock.GetUtcNow())
        && (message.Delivery is not null || await IsFor(endpoint, message));

    /// <summary>Whether a message that has no delivery to the endpoint would get one if it were sent now. Where its data is gone, its type decides.</summary>
    private async ValueTask<bool> IsFor(WebhookEndpoint endpoint, ReplayableMessage message)
    {
        if (message.IsTest || !endpoint.Settings.Subscribes(message.EventType))
        {
            return false;
        }
        // One payload at a time: they may be large.
        return endpoint.Settings.Filter is not { } filter || !message.HasData
            || (RawJson.Element(await replayable.Data(endpoint, message.Seq)) is { } data && filter.Matches(data));
    }

    private DateTimeOffset DueAt(ReplayableMessage message)
    {
        var now = clock.GetUtcNow();
        return message.DeliverAt > now ? message.DeliverAt.Value : now;
    }

    /// <summary>What a replay of an endpoint is to match, as it is kept and shown.</summary>
    private sealed record EndpointReplayFilter(
        string AppId, string EndpointId, DateTimeOffset Since, DateTimeOffset? Until, string Status, IReadOnlyList<string>? Types)
    {
        internal ReplayWish Wish => Wishes[Status];
    }
}
