using System.Collections.Concurrent;
using System.Text.Json;

namespace Hookway.Tests.Crash;

/// <summary>What must hold when nothing is pending any more, whatever happened to the processes before: the promises of the product.</summary>
public sealed class CrashChecks(CrashScene scene, CrashLoad load)
{
    private const int MostShown = 10;

    private readonly IReadOnlyList<Arrival> arrivals = scene.Arrivals.All;

    public async Task All()
    {
        None(load.Complaints);
        None(scene.Arrivals.Complaints);
        None(Lost());
        None(Unexpected());
        None(Doubled());
        None(OutOfOrder());
        var stored = await StoredMessages();
        None(NotStoredOrNotSucceeded(stored));
        None(await NotRecordedOnce(stored));
    }

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
        scene.Arrivals.RepeatsWithoutCrash().Concat(
            from message in load.Sent.Values
            where message.Firsts > 1 || (message is { Acknowledged: true, Unanswered: false } && message.Firsts != 1)
            select $"message {message.Tag} was new {message.Firsts} times");

    /// <summary>One serial sender has the ordered endpoint: what arrives first, and what succeeds first, is in the order of sending.</summary>
    private IEnumerable<string> OutOfOrder()
    {
        var ordered = scene.Endpoints.Where(endpoint => endpoint.Ordered).Select(endpoint => endpoint.Path).ToHashSet();
        var firstArrivals = arrivals.Where(arrival => ordered.Contains(arrival.Path)).DistinctBy(arrival => arrival.Tag);
        var firstSuccesses = arrivals.Where(arrival => ordered.Contains(arrival.Path) && arrival.Succeeded).DistinctBy(arrival => arrival.Tag);
        return Descents(firstArrivals, "arrived").Concat(Descents(firstSuccesses, "succeeded"));
    }

    private static IEnumerable<string> Descents(IEnumerable<Arrival> inOrder, string what)
    {
        var tags = inOrder.Select(arrival => arrival.Tag).ToList();
        return tags.Zip(tags.Skip(1)).Where(pair => pair.First > pair.Second).Select(pair => $"message {pair.First} {what} before {pair.Second}");
    }

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

    private async Task<IEnumerable<string>> NotRecordedOnce(Dictionary<string, JsonElement> stored)
    {
        var findings = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(stored, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (message, _) =>
        {
            var attempts = await scene.Get($"/api/v1/apps/{scene.AppId}/messages/{message.Key}/attempts?limit=250");
            var successes = attempts.GetProperty("data").EnumerateArray().Where(attempt => attempt.GetProperty("status").GetString() == "succeeded")
                .CountBy(attempt => attempt.GetProperty("endpointId").GetString()!).ToDictionary();
            foreach (var endpoint in message.Value.GetProperty("deliveries").EnumerateArray().Select(delivery => delivery.GetProperty("endpointId").GetString()!))
            {
                if (successes.GetValueOrDefault(endpoint) != 1)
                {
                    findings.Enqueue($"message {message.Key} has {successes.GetValueOrDefault(endpoint)} recorded successes at {endpoint}");
                }
            }
        });
        return findings;
    }
}
