using System.Collections.Concurrent;
using System.Text.Json;

namespace Hookway.Tests.Crash;

/// <summary>What must hold when nothing is pending any more, whatever happened to the processes before: the promises of the product.</summary>
/// <param name="incidents">With several nodes: what befell them, one after another. What is repeated must have been in flight then, or not yet committed.</param>
public sealed class CrashChecks(CrashScene scene, CrashLoad load, IReadOnlyList<Incident>? incidents = null)
{
    private const int MostShown = 10;

    private readonly IReadOnlyList<Arrival> arrivals = scene.Arrivals.All;

    public async Task All()
    {
        None(Lost());
        None(load.Complaints);
        None(scene.Arrivals.Complaints);
        None(Unexpected());
        None(Doubled());
        None(OutOfOrder());
        var stored = await StoredMessages();
        None(NotStoredOrNotSucceeded(stored));
        var attempts = await AttemptsOf(stored);
        None(NotRecordedOnce(stored, attempts));
        if (incidents is not null)
        {
            None(NotInFlight(stored, attempts));
        }
    }

    /// <summary>How many requests came of which no attempt tells: their outcomes were lost with a node.</summary>
    public int Unrecorded { get; private set; }

    private void None(IEnumerable<string> findings) => findings.Take(MostShown).ShouldBeEmpty($"the data folder is kept: {scene.Folder}");

    private IEnumerable<SceneEndpoint> EndpointsOf(SentMessage message) => scene.Endpoints.Where(endpoint => endpoint.Recipient == message.Recipient);

    /// <summary>Acknowledged, and yet an endpoint never took it.</summary>
    private IEnumerable<string> Lost()
    {
        var taken = arrivals.Where(arrival => arrival.Succeeded).Select(arrival => (arrival.Path, arrival.Tag)).ToHashSet();
        return from message in load.Sent.Values
               where message.Acknowledged
               from endpoint in EndpointsOf(message)
               where !taken.Contains((endpoint.Path, message.Tag))
               select $"message {message.Tag} ({message.MessageId}) was acknowledged and never delivered to {endpoint.Path}";
    }

    /// <summary>Delivered without having been accepted, to the wrong endpoint, under another id or with other data.</summary>
    private IEnumerable<string> Unexpected()
    {
        foreach (var arrival in arrivals)
        {
            var message = load.Sent[arrival.Tag];
            if (message is { Acknowledged: false, Unanswered: false })
            {
                yield return $"message {arrival.Tag} was refused and yet delivered";
            }

            if (arrival.WebhookId != (message.MessageId ?? arrival.WebhookId))
            {
                yield return $"message {arrival.Tag} is {message.MessageId} and was delivered as {arrival.WebhookId}";
            }

            if (arrival.Data != message.Data || EndpointsOf(message).All(endpoint => endpoint.Path != arrival.Path))
            {
                yield return $"message {arrival.Tag} came to {arrival.Path} with {arrival.Data}";
            }
        }

        foreach (var group in arrivals.GroupBy(arrival => arrival.Tag).Where(group => group.Select(arrival => arrival.WebhookId).Distinct().Count() > 1))
        {
            yield return $"message {group.Key} was delivered under two ids";
        }
    }

    private IEnumerable<string> Doubled() =>
        (incidents is null ? scene.Arrivals.RepeatsWithoutCrash() : []).Concat(
            from message in load.Sent.Values
            where message.Firsts > 1 || (message is { Acknowledged: true, Unanswered: false } && message.Firsts != 1)
            select $"message {message.Tag} was new {message.Firsts} times");

    /// <summary>
    /// One serial sender has the ordered endpoint: what arrives first, and what succeeds first, is in the order of sending, and nothing arrives before what is ahead of it has
    /// succeeded. Where a sender goes on at another node, a node that stood still may yet accept what it left without an answer, at whatever place.
    /// </summary>
    private IEnumerable<string> OutOfOrder()
    {
        foreach (var endpoint in scene.Endpoints.Where(endpoint => endpoint.Ordered))
        {
            var inTurn = arrivals.Where(arrival => arrival.Path == endpoint.Path && (incidents is null || !load.Sent[arrival.Tag].Unanswered)).ToList();
            var firstArrivals = inTurn.DistinctBy(arrival => arrival.Tag).ToList();
            var firstSuccesses = inTurn.Where(arrival => arrival.Succeeded).DistinctBy(arrival => arrival.Tag).ToList();
            foreach (var finding in Descents(firstArrivals, "arrived").Concat(Descents(firstSuccesses, "succeeded")))
            {
                yield return finding;
            }
            var endedAt = firstSuccesses.ToDictionary(arrival => arrival.Tag, arrival => arrival.EndedAt);
            foreach (var (earlier, later) in firstArrivals.Zip(firstArrivals.Skip(1)).Where(pair => endedAt.GetValueOrDefault(pair.First.Tag, long.MaxValue) > pair.Second.BeganAt))
            {
                yield return $"message {later.Tag} arrived at {endpoint.Path} before {earlier.Tag} had ended";
            }
        }
    }

    private static IEnumerable<string> Descents(IReadOnlyList<Arrival> inOrder, string what) =>
        inOrder.Zip(inOrder.Skip(1)).Where(pair => pair.First.Tag > pair.Second.Tag).Select(pair => $"message {pair.First.Tag} {what} before {pair.Second.Tag}");

    private async Task<Dictionary<string, JsonElement>> StoredMessages()
    {
        var stored = new Dictionary<string, JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await scene.Get($"/api/v1/apps/{scene.AppId}/messages?limit=250{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            foreach (var message in page.GetProperty("data").EnumerateArray())
            {
                stored.Add(message.GetProperty("messageId").GetString()!, message);
            }

            cursor = page.GetProperty("nextCursor").GetString();
        }

        return stored;
    }

    private IEnumerable<string> NotStoredOrNotSucceeded(Dictionary<string, JsonElement> stored)
    {
        foreach (var message in load.Sent.Values.Where(message => message is { Acknowledged: true, MessageId: not null } && !stored.ContainsKey(message.MessageId)))
        {
            yield return $"message {message.Tag} ({message.MessageId}) was acknowledged and is not there";
        }

        var delivered = arrivals.Select(arrival => arrival.WebhookId).ToHashSet();
        foreach (var (id, message) in stored)
        {
            var targets = scene.Endpoints.Count(endpoint => endpoint.Recipient == message.GetProperty("recipient").GetString());
            var deliveries = message.GetProperty("deliveries").EnumerateArray().ToList();
            if (message.GetProperty("status").GetString() != "succeeded" || deliveries.Count != targets || !delivered.Contains(id)
                || deliveries.Any(delivery => delivery.GetProperty("status").GetString() != "succeeded"))
            {
                yield return $"stored, but not succeeded everywhere: {message}";
            }
        }
    }

    /// <summary>Whether each recorded attempt succeeded, by message and endpoint.</summary>
    private async Task<ILookup<(string MessageId, string EndpointId), bool>> AttemptsOf(Dictionary<string, JsonElement> stored)
    {
        var all = new ConcurrentBag<((string MessageId, string EndpointId) Key, bool Succeeded)>();
        await Parallel.ForEachAsync(stored.Keys, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (message, _) =>
        {
            var attempts = await scene.Get($"/api/v1/apps/{scene.AppId}/messages/{message}/attempts?limit=250");
            foreach (var attempt in attempts.GetProperty("data").EnumerateArray())
            {
                all.Add(((message, attempt.GetProperty("endpointId").GetString()!), attempt.GetProperty("status").GetString() == "succeeded"));
            }
        });
        return all.ToLookup(attempt => attempt.Key, attempt => attempt.Succeeded);
    }

    private static IEnumerable<string> NotRecordedOnce(Dictionary<string, JsonElement> stored, ILookup<(string MessageId, string EndpointId), bool> attempts) =>
        from message in stored
        from delivery in message.Value.GetProperty("deliveries").EnumerateArray()
        let endpoint = delivery.GetProperty("endpointId").GetString()!
        let successes = attempts[(message.Key, endpoint)].Count(succeeded => succeeded)
        where successes != 1
        select $"message {message.Key} has {successes} recorded successes at {endpoint}";

    /// <summary>
    /// Every request is recorded, but for those that were in flight, or not yet committed, when a node was lost: of each delivery one, and in all no more than a node has in
    /// flight at a time.
    /// </summary>
    private IEnumerable<string> NotInFlight(Dictionary<string, JsonElement> stored, ILookup<(string MessageId, string EndpointId), bool> attempts)
    {
        var losses = incidents!.Where(incident => incident.LosesWhatIsInFlight).ToList();
        foreach (var endpoint in scene.Endpoints)
        {
            var lost = 0;
            foreach (var came in arrivals.Where(arrival => arrival.Path == endpoint.Path && stored.ContainsKey(arrival.WebhookId)).GroupBy(arrival => arrival.WebhookId))
            {
                var unrecorded = came.Count() - attempts[(came.Key, endpoint.EndpointId)].Count();
                var excused = losses.Count(incident => incident.BeganAt <= came.Last().BeganAt && incident.EndedAt >= came.First().BeganAt);
                if (unrecorded < 0 || unrecorded > excused)
                {
                    yield return $"message {came.First().Tag} came to {endpoint.Path} {came.Count()} times, {unrecorded} of them are not recorded, and {excused} are excused";
                }
                lost += unrecorded;
            }
            Unrecorded += lost;
            var most = losses.Count * (endpoint.Ordered ? 1 : NodeCrashTests.MostInFlight);
            if (lost > most)
            {
                yield return $"{lost} requests to {endpoint.Path} are not recorded, and no more than {most} can have been in flight when a node was lost";
            }
        }
    }
}

/// <summary>What befell a node: from when to when, by timestamps, and whether it lost what it had.</summary>
public sealed record Incident(string What, long BeganAt, long EndedAt, bool LosesWhatIsInFlight);
