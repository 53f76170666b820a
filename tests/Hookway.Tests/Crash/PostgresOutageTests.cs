using System.Net;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>PostgreSQL goes away under load and comes back: what was acknowledged is delivered, what was refused is not, and work resumes by itself.</summary>
[Collection(RealProcesses.Name)]
public class PostgresOutageTests
{
    private const int Rounds = 8;

    /// <summary>A caller who tries every tenth of a second is accepted again by this many tries after the return of the database: ten seconds, if each answer came at once.</summary>
    private const int MostTries = 100;

    [Fact]
    public async Task Connections_that_are_cut_again_and_again_lose_nothing_and_nobody_is_told_a_lie()
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        var seed = Random.Shared.Next(1_000_000);
        Console.WriteLine($"    Outage test: seed {seed}");
        var random = new Random(seed);
        await using var scene = await CrashScene.Create();
        var load = new CrashLoad(scene, seed);
        for (var round = 0; round < Rounds; round++)
        {
            await load.During(async () =>
            {
                await Task.Delay(random.Next(100, 600));
                load.Dying();
                await scene.CutConnections();
                await Task.Delay(random.Next(300));
            });
            await TestServer.Until(async () =>
            {
                using var ready = await scene.Client.GetAsync("/readyz");
                return ready.IsSuccessStatusCode;
            });
        }
        await load.During(() => Task.Delay(500));
        await scene.WaitUntilDone(TimeSpan.FromMinutes(1));

        await new CrashChecks(scene, load).All();
        Console.WriteLine($"    Outage test: {Rounds} cuts, {Counts(scene, load)}");
        await scene.End();
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("immediate")]
    public async Task A_server_that_is_stopped_and_started_loses_nothing_and_is_accepted_for_again_by_itself(string mode)
    {
        var seed = Random.Shared.Next(1_000_000);
        Console.WriteLine($"    Outage test, {mode}: seed {seed}");
        var random = new Random(seed);
        await using var cluster = await PostgresCluster.Create();
        await using var scene = await CrashScene.Create(postgres: await PostgresDatabaseForTest.CreateOn(cluster));
        var caller = await Caller.Create(scene);
        var load = new CrashLoad(scene, seed);
        scene.ExpectOutage();
        var tries = new List<int>();
        for (var round = 0; round < 2; round++)
        {
            await load.During(async () =>
            {
                await Task.Delay(random.Next(300, 800));
                load.Dying();
                await cluster.Stop(mode);
                for (var i = 0; i < 5; i++)
                {
                    await caller.IsRefused();
                    await Task.Delay(random.Next(300));
                }
                await cluster.Start();
                tries.Add(await caller.TriesUntilAccepted());
            });
        }
        await load.During(() => Task.Delay(500));
        await scene.WaitUntilDone(TimeSpan.FromMinutes(1));

        await new CrashChecks(scene, load).All();
        tries.ShouldAllBe(count => count <= MostTries);
        Console.WriteLine($"    Outage test, {mode}: accepted again at try {string.Join(", ", tries)}; {Counts(scene, load)}");
        await scene.End();
    }

    [Fact]
    public async Task A_server_that_stands_still_for_a_while_loses_nothing_and_goes_on()
    {
        var seed = Random.Shared.Next(1_000_000);
        Console.WriteLine($"    Outage test, frozen: seed {seed}");
        await using var cluster = await PostgresCluster.Create();
        await using var scene = await CrashScene.Create(postgres: await PostgresDatabaseForTest.CreateOn(cluster));
        var caller = await Caller.Create(scene);
        var load = new CrashLoad(scene, seed);
        scene.ExpectOutage();
        await load.During(async () =>
        {
            await Task.Delay(500);
            load.Dying();
            await cluster.Freeze();
            await Task.Delay(3_000);
            await cluster.Thaw();
            (await caller.TriesUntilAccepted()).ShouldBeLessThanOrEqualTo(MostTries);
        });
        await load.During(() => Task.Delay(500));
        await scene.WaitUntilDone(TimeSpan.FromMinutes(1));

        await new CrashChecks(scene, load).All();
        Console.WriteLine($"    Outage test, frozen: {Counts(scene, load)}");
        await scene.End();
    }

    private static string Counts(CrashScene scene, CrashLoad load) =>
        $"{load.Sent.Values.Count(message => message.Acknowledged)} messages acknowledged, {scene.Arrivals.All.Count} requests received, {scene.Arrivals.Repeats()} of them repeated a success";

    /// <summary>A caller beside the load, in an app of its own: what it is refused must not have been stored.</summary>
    private sealed class Caller(CrashScene scene, string app)
    {
        private int _sent;

        public static async Task<Caller> Create(CrashScene scene)
        {
            var app = (await scene.Post("/api/v1/apps", new { name = "Another" })).GetProperty("appId").GetString()!;
            using var published = await scene.Client.PutAsJsonAsync($"/api/v1/apps/{app}/event-types/invoice.paid", new { });
            published.EnsureSuccessStatusCode();
            return new Caller(scene, app);
        }

        public async Task IsRefused()
        {
            using var answer = await Send();
            answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            answer.Headers.RetryAfter.ShouldNotBeNull();
            using var ready = await scene.Client.GetAsync("/readyz");
            ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            using var alive = await scene.Client.GetAsync("/healthz");
            alive.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        /// <summary>Tries what was refused until it is accepted, as new; answers how often.</summary>
        public async Task<int> TriesUntilAccepted()
        {
            for (var tries = 1; ; tries++)
            {
                using var answer = await Send();
                if (answer.StatusCode is HttpStatusCode.Accepted)
                {
                    (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("duplicate").GetBoolean().ShouldBeFalse();
                    _sent++;
                    return tries;
                }
                answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
                tries.ShouldBeLessThan(10 * MostTries, "it is not accepted for any more");
                await Task.Delay(100);
            }
        }

        private Task<HttpResponseMessage> Send() => scene.Client.PostAsJsonAsync(
            $"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", messageId = $"message-{_sent}", data = new { } });
    }
}
