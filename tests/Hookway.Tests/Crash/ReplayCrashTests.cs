using System.Collections.Concurrent;
using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Crash;

/// <summary>A long outage of a receiver, and the replay of all that failed in it, by real processes that are killed in the middle.</summary>
[Collection(RealProcesses.Name)]
public class ReplayCrashTests
{
    private const int Waves = 20;
    private const int FailedInWave = 500;
    private const int Failed = Waves * FailedInWave;

    /// <summary>They open the way for the wave: an endpoint earns its concurrency by succeeding. No replay of what failed may touch them.</summary>
    private const int GoodInWave = 20;
    private const int Good = Waves * GoodInWave;

    /// <summary>The most attempts in flight to one endpoint while the replay runs: a place is free again when its attempt is committed.</summary>
    private const int InFlight = 32;

    private const string LongAgo = "2020-01-01T00:00:00.000Z";
    private static readonly SceneEndpoint Endpoint = new("/outage", "customer_outage", Ordered: false, "hmac-sha256", _ => false, _ => 0, MostAttempts: 1);

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<(int Life, string Id)> _arrivals = new();
    private volatile TaskCompletionSource? _outage;
    private int _failing;
    private int _life = 1;

    [Fact]
    public async Task A_replay_of_ten_thousand_failed_messages_survives_kills_delivers_each_and_can_be_canceled()
    {
        await using var scene = await CrashScene.Create(
            [Endpoint], null, new("Hookway__Deliveries__MaxInFlightPerTarget", $"{FailedInWave}"), new("Hookway__Deliveries__MaxInFlight", $"{2 * FailedInWave}"));
        scene.Receiver.Respond(Receive);
        await FailAll(scene);
        _arrivals.Count.ShouldBe(Failed + Good);
        scene.Settings = [new("Hookway__Deliveries__MaxInFlightPerTarget", $"{InFlight}")];
        (await scene.Terminate(Patience)).ShouldBe(0);
        await Start(scene);
        var before = _arrivals.Count;

        var replay = await scene.Post($"{Of(scene)}/replay", new { since = LongAgo });
        var first = await Watch(scene, replay, progress => progress.Succeeded >= Failed / 4, default);
        await scene.Kill();
        first.IsSearching.ShouldBeTrue("the first kill is to meet the walk too");
        first.Queued.ShouldBeLessThan(Failed);
        await Start(scene);
        var second = await Watch(scene, replay, progress => progress.Succeeded >= Failed * 3 / 5, first);
        await scene.Kill();
        second.Succeeded.ShouldBeLessThan(Failed);
        await Start(scene);
        var end = await Watch(scene, replay, progress => progress.FinishedAt is not null, second);

        end.ShouldBe(new Progress("completed", false, Failed, Failed, 0, Failed, 0, 0, end.FinishedAt));
        await EachSucceededOnce(scene);
        var extras = Extras([.. _arrivals.Skip(before)], kills: 2);
        await Cancel(scene);
        Console.WriteLine($"    Replay crash test: killed at {first.Succeeded} and at {second.Succeeded} of {Failed}, {extras} requests repeated a success");
        await scene.End();
    }

    /// <summary>Ten thousand deliveries that failed at their only attempt. A whole wave is in flight when the receiver begins to refuse it, before the endpoint is taken for failing.</summary>
    private async Task FailAll(CrashScene scene)
    {
        for (var wave = 0; wave < Waves; wave++)
        {
            _outage = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _failing = 0;
            var ids = Enumerable.Range(0, GoodInWave).Select(i => $"good-{wave}-{i}").Concat(Enumerable.Range(0, FailedInWave).Select(i => $"failed-{wave}-{i}"));
            var sent = await scene.Post($"/api/v1/apps/{scene.AppId}/messages/batch", new
            {
                messages = ids.Select(id => new { recipient = Endpoint.Recipient, type = "invoice.paid", messageId = id, data = new { wave } }),
            });
            sent.GetProperty("results").EnumerateArray().Count(result => result.TryGetProperty("messageId", out _)).ShouldBe(GoodInWave + FailedInWave);
            await scene.WaitUntilDone(Patience);
            // Whoever puts an endpoint back into service takes it for healthy.
            await scene.Patch(Of(scene), new { enabled = false });
            await scene.Patch(Of(scene), new { enabled = true });
        }
        _outage = null;
        (await Messages(scene, "failed")).Count.ShouldBe(Failed);
    }

    private static string Of(CrashScene scene) => $"/api/v1/apps/{scene.AppId}/endpoints/{scene.Endpoints[0].EndpointId}";

    private async Task Receive(ReceivedRequest request, HttpContext http)
    {
        var id = request.Headers[WebhookHeaders.Id];
        _arrivals.Enqueue((Volatile.Read(ref _life), id));
        if (_outage is { } outage && id.StartsWith("failed", StringComparison.Ordinal))
        {
            if (Interlocked.Increment(ref _failing) == FailedInWave)
            {
                outage.SetResult();
            }
            await outage.Task.WaitAsync(http.RequestAborted);
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    private async Task Start(CrashScene scene)
    {
        Interlocked.Increment(ref _life);
        await scene.StartServer();
    }

    /// <summary>Follows a replay until something holds. What it shows never goes back, not even over a kill: it was committed.</summary>
    private static async Task<Progress> Watch(CrashScene scene, JsonElement replay, Func<Progress, bool> reached, Progress? last)
    {
        var path = $"/api/v1/replays/{replay.GetProperty("replayId").GetString()}";
        await TestServer.Until(
            async () =>
            {
                var now = Progress.Of(await scene.Get(path));
                now.Matched.ShouldBe(now.Queued + now.Skipped);
                (now.Succeeded + now.Failed + now.Canceled).ShouldBeLessThanOrEqualTo(now.Queued);
                now.Queued.ShouldBeGreaterThanOrEqualTo(last?.Queued ?? 0);
                now.Succeeded.ShouldBeGreaterThanOrEqualTo(last?.Succeeded ?? 0);
                last = now;
                return reached(now);
            },
            () => $"It was {last}", Patience);
        return last!;
    }

    private static async Task EachSucceededOnce(CrashScene scene)
    {
        (await Messages(scene, "succeeded")).Count.ShouldBe(Failed + Good);
        (await Messages(scene, "failed")).ShouldBeEmpty();
        var attempts = (await All(scene, $"{Of(scene)}/attempts")).ToLookup(
            attempt => attempt.GetProperty("messageId").GetString()!,
            attempt => $"{attempt.GetProperty("number").GetInt32()} {attempt.GetProperty("trigger").GetString()} {attempt.GetProperty("status").GetString()}");
        attempts.Count.ShouldBe(Failed + Good);
        var replayed = new[] { "1 automatic failed", "2 replay succeeded" };
        attempts.Where(message => !message.Order().SequenceEqual(message.Key.StartsWith("good", StringComparison.Ordinal) ? ["1 automatic succeeded"] : replayed))
            .Select(message => $"{message.Key}: {string.Join(", ", message)}").Take(10).ShouldBeEmpty();
    }

    /// <summary>
    /// Each was sent, and again only if it was in flight, or not yet committed, when a process was killed: by the process after that one, and no more of them than there are places.
    /// Answers how many.
    /// </summary>
    private static int Extras(IReadOnlyList<(int Life, string Id)> arrivals, int kills)
    {
        var lives = arrivals.ToLookup(arrival => arrival.Id, arrival => arrival.Life);
        lives.Count.ShouldBe(Failed);
        lives.ShouldAllBe(message => message.Key.StartsWith("failed", StringComparison.Ordinal));
        lives.Where(message => message.Zip(message.Skip(1)).Any(pair => pair.Second != pair.First + 1))
            .Select(message => $"{message.Key} came from processes {string.Join(", ", message)}").ShouldBeEmpty();
        var extras = arrivals.Count - Failed;
        extras.ShouldBeLessThanOrEqualTo(kills * InFlight);
        return extras;
    }

    /// <summary>Another replay, of all there is, is canceled early, and the process is killed before it can end what is queued.</summary>
    private async Task Cancel(CrashScene scene)
    {
        var replay = await scene.Post($"{Of(scene)}/replay", new { since = LongAgo, status = "all" });
        var running = await Watch(scene, replay, progress => progress.Succeeded >= Failed / 20, default);
        (await scene.Post($"/api/v1/replays/{replay.GetProperty("replayId").GetString()}/cancel")).GetProperty("status").GetString().ShouldBe("canceled");
        await scene.Kill();
        await Start(scene);

        var end = await Watch(scene, replay, progress => progress.FinishedAt is not null, running);

        end.Status.ShouldBe("canceled");
        end.Queued.ShouldBeLessThan(Failed);
        (end.Succeeded + end.Canceled).ShouldBe(end.Queued);
        end.Canceled.ShouldBePositive();
        (await Messages(scene, "pending")).ShouldBeEmpty();
        var canceled = await Messages(scene, "canceled");
        canceled.Count.ShouldBe(end.Canceled);
        canceled.ShouldAllBe(message => message.GetProperty("deliveries")[0].GetProperty("reason").GetString() == "replay_canceled");
        (await Messages(scene, "succeeded")).Count.ShouldBe(Failed + Good - end.Canceled);
    }

    private static Task<List<JsonElement>> Messages(CrashScene scene, string status) => All(scene, $"/api/v1/apps/{scene.AppId}/messages?status={status}");

    private static async Task<List<JsonElement>> All(CrashScene scene, string path)
    {
        var all = new List<JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await scene.Get($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit=250{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            all.AddRange(page.GetProperty("data").EnumerateArray());
            cursor = page.GetProperty("nextCursor").GetString();
        }
        return all;
    }

    private sealed record Progress(
        string Status, bool IsSearching, int Matched, int Queued, int Skipped, int Succeeded, int Failed, int Canceled, DateTimeOffset? FinishedAt)
    {
        public static Progress Of(JsonElement replay) => new(
            replay.GetProperty("status").GetString()!, replay.GetProperty("searching").GetBoolean(), Number(replay, "matched"), Number(replay, "queued"), Number(replay, "skipped"),
            Number(replay, "succeeded"), Number(replay, "failed"), Number(replay, "canceled"),
            replay.GetProperty("finishedAt") is { ValueKind: JsonValueKind.String } at ? at.GetDateTimeOffset() : null);

        private static int Number(JsonElement replay, string name) => replay.GetProperty(name).GetInt32();
    }
}
