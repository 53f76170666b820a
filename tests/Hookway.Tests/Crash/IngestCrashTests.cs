using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>A real process under a vendor's load, killed and restarted: no event that was acknowledged is lost, changed, or told from its repetitions wrongly.</summary>
[Collection(RealProcesses.Name)]
public class IngestCrashTests
{
    private const string Secret = "It's a Secret to Everybody";
    private const int Senders = 6;

    private readonly ConcurrentDictionary<string, Delivery> _deliveries = new();
    private readonly ConcurrentQueue<string> _complaints = [];
    private volatile bool _dying;

    [Fact]
    public async Task A_process_that_is_killed_again_and_again_loses_no_event_that_was_acknowledged()
    {
        var random = new Random(Number("HOOKWAY_CRASH_SEED") ?? 4711);
        var rounds = Number("HOOKWAY_CRASH_ROUNDS") ?? 3;
        await using var scene = await CrashScene.Create();
        using var made = await scene.Client.PostAsJsonAsync("/api/v1/ingest/sources", new { name = "GitHub", vendor = "github", signingSecret = Secret }, TestContext.Current.CancellationToken);
        made.EnsureSuccessStatusCode();
        var source = await made.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        for (var round = 0; round < rounds; round++)
        {
            await During(scene, source.Path(), round, async () =>
            {
                await Task.Delay(random.Next(150, 900));
                _dying = true;
                await scene.Kill();
            });
            await scene.StartServer();
        }
        // As a vendor does: what got no answer is sent again.
        foreach (var delivery in _deliveries.Values.Where(delivery => delivery.EventIds.IsEmpty))
        {
            await Send(scene, source.Path(), delivery);
        }

        await Check(scene, source.Id());
        Console.WriteLine($"    Crash test: {rounds} kills: {_deliveries.Values.Sum(delivery => delivery.EventIds.Count)} events acknowledged, {_deliveries.Values.Count(delivery => delivery.WasUnanswered)} left without an answer");
        await scene.End();
    }

    private async Task Check(CrashScene scene, string sourceId)
    {
        _complaints.ShouldBeEmpty(scene.Folder);
        var stored = await Stored(scene, sourceId);
        foreach (var delivery in _deliveries.Values)
        {
            var copies = stored.Values.Where(item => item.GetProperty("vendorEventId").GetString() == delivery.Id).ToList();
            delivery.EventIds.Keys.ShouldAllBe(id => stored.ContainsKey(id), $"{delivery.Id} was acknowledged and is not there; the data folder is kept: {scene.Folder}");
            copies.ShouldAllBe(item => item.GetProperty("signatureStatus").GetString() == "verified" && item.GetProperty("bodySize").GetInt32() == Encoding.UTF8.GetByteCount(delivery.Body));
            // Whatever was killed, exactly one copy is the first, and the others are its repetitions; who was told "no duplicate" was told it of that one.
            var first = copies.Where(item => item.GetProperty("duplicateOf").ValueKind is JsonValueKind.Null).ShouldHaveSingleItem($"{delivery.Id} in {scene.Folder}").GetProperty("eventId").GetString();
            copies.Count(item => item.GetProperty("duplicateOf").GetString() == first).ShouldBe(copies.Count - 1);
            delivery.EventIds.Where(answered => !answered.Value).ShouldAllBe(answered => answered.Key == first);
            copies.Count.ShouldBeLessThanOrEqualTo(delivery.Tries, "nothing was made up");
        }
        foreach (var delivery in _deliveries.Values.Where((_, i) => i % 20 == 0))
        {
            (await scene.Client.GetStringAsync($"/api/v1/ingest/events/{delivery.EventIds.Keys.First()}/body")).ShouldBe(delivery.Body);
        }
        var counts = (await scene.Get($"/api/v1/ingest/sources/{sourceId}")).GetProperty("counts");
        (counts.GetProperty("events").GetInt32(), counts.GetProperty("verified").GetInt32()).ShouldBe((stored.Count, stored.Count));
    }

    /// <summary>Sends until <paramref name="then"/> ends, which kills the server.</summary>
    private async Task During(CrashScene scene, string path, int round, Func<Task> then)
    {
        _dying = false;
        using var stop = new CancellationTokenSource();
        var senders = Enumerable.Range(0, Senders).Select(sender => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var id = $"d-{round}-{sender}-{i}";
                var delivery = _deliveries.GetOrAdd(id, _ => new Delivery(id, $$"""{ "action":"opened", "sent":"{{id}}", "issue": { "id": {{i}}, "title":"Zoë {{new string('x', i % 700)}}" } }"""));
                // Some come twice, at once.
                var answered = await Task.WhenAll(Enumerable.Range(0, i % 7 == 0 ? 2 : 1).Select(_ => Send(scene, path, delivery)));
                if (answered.Contains(false))
                {
                    return;
                }
            }
        }, CancellationToken.None)).ToList();
        await then();
        await stop.CancelAsync();
        await Task.WhenAll(senders);
    }

    /// <summary>False when the server is gone.</summary>
    private async Task<bool> Send(CrashScene scene, string path, Delivery delivery)
    {
        delivery.Try();
        var body = Encoding.UTF8.GetBytes(delivery.Body);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Headers.Add("X-GitHub-Event", "issues");
        request.Headers.Add("X-GitHub-Delivery", delivery.Id);
        request.Headers.Add("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), body)));
        try
        {
            using var answer = await scene.Client.SendAsync(request);
            if (answer.StatusCode is HttpStatusCode.ServiceUnavailable && _dying)
            {
                delivery.WasUnanswered = true;
                return false;
            }
            if (answer.StatusCode is not HttpStatusCode.OK)
            {
                _complaints.Enqueue($"{delivery.Id} was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
                return true;
            }
            var received = await answer.Content.ReadFromJsonAsync<JsonElement>();
            delivery.EventIds[received.GetProperty("eventId").GetString()!] = received.GetProperty("duplicate").GetBoolean();
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            delivery.WasUnanswered = true;
            if (!_dying)
            {
                _complaints.Enqueue($"{delivery.Id} got no answer from a server that was well: {e.Message}");
            }
            return false;
        }
    }

    private static async Task<Dictionary<string, JsonElement>> Stored(CrashScene scene, string sourceId)
    {
        var stored = new Dictionary<string, JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await scene.Get($"/api/v1/ingest/events?sourceId={sourceId}&limit=250{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            foreach (var item in page.GetProperty("data").EnumerateArray())
            {
                stored.Add(item.GetProperty("eventId").GetString()!, item);
            }
            cursor = page.GetProperty("nextCursor").GetString();
        }
        return stored;
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>What the vendor sends, as often as it must.</summary>
    private sealed record Delivery(string Id, string Body)
    {
        private int _tries;

        /// <summary>The events that it was told of, and whether each was called a duplicate.</summary>
        public ConcurrentDictionary<string, bool> EventIds { get; } = new();

        public bool WasUnanswered { get; set; }

        public int Tries => Volatile.Read(ref _tries);

        public void Try() => Interlocked.Increment(ref _tries);
    }
}
