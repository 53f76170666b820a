using System.Text.Json;
using Hookway.Access;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Endpoints;

public class EndpointStatsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Attempts_and_deliveries_are_counted_by_what_they_came_to()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(200, 500, 500, 200);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 2, retryBackoffSeconds = 1, ordered = true });
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        await Server.WaitForMessage(app, await Server.Send(app), "failed");
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        (await Server.Patch(path, new { paused = true })).Expect(200);
        (await Server.Post($"/api/v1/apps/{app}/messages/{await Server.Send(app)}/cancel")).Expect(200);
        await Server.Send(app);

        var stats = await Stats(path);

        stats.GetProperty("deliveries").ToString().ShouldBe("""{"pending":0,"held":1,"succeeded":2,"failed":1,"canceled":1}""");
        stats.GetProperty("attempts").ToString().ShouldBe("""{"succeeded":2,"failed":2}""");
        stats.GetProperty("successRate").GetDouble().ShouldBe(0.5);
        stats.GetProperty("latency").GetProperty("p50").GetDouble().ShouldBeGreaterThan(0);
        var series = stats.GetProperty("series").EnumerateArray().ToList();
        stats.GetProperty("stepSeconds").GetInt32().ShouldBe(300);
        series.Count.ShouldBeInRange(288, 290);
        series.Sum(point => point.GetProperty("succeeded").GetInt32()).ShouldBe(2);
        series.Sum(point => point.GetProperty("failed").GetInt32()).ShouldBe(2);
        series[0].GetProperty("latency").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Server.Patch(path, new { enabled = false })).Expect(200);
        (await Server.Delete(path)).Expect(200);
        (await Stats(path)).GetProperty("deliveries").ToString().ShouldBe("""{"pending":0,"held":0,"succeeded":2,"failed":1,"canceled":2}""");
    }

    [Fact]
    public async Task Latencies_are_those_of_the_receiver_and_a_refused_connection_has_none()
    {
        await using var receiver = await ReceiverStub.Start();
        var slow = 0;
        receiver.Respond((_, _) => Task.Delay(Interlocked.Increment(ref slow) % 10 == 0 ? 200 : 0));
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var refused = await Server.CreateEndpoint(app, new Uri("http://127.0.0.1:1/"), new { retryMaxAttempts = 1 }, recipient: "customer_2");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Server.Send(app)));
        await Server.WaitForMessage(app, await Server.Send(app, recipient: "customer_2"), "failed");
        await TestServer.Until(async () => (await Stats($"/api/v1/apps/{app}/endpoints/{endpoint}")).GetProperty("deliveries").GetProperty("succeeded").GetInt32() == 20);

        var latency = (await Stats($"/api/v1/apps/{app}/endpoints/{endpoint}")).GetProperty("latency");
        latency.GetProperty("p99").GetDouble().ShouldBeGreaterThan(190);
        latency.GetProperty("p99").GetDouble().ShouldBeGreaterThan(latency.GetProperty("p50").GetDouble());
        var none = await Stats($"/api/v1/apps/{app}/endpoints/{refused}");
        none.GetProperty("latency").ValueKind.ShouldBe(JsonValueKind.Null);
        none.GetProperty("attempts").GetProperty("failed").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task Stats_survive_a_restart_grow_old_and_are_purged_with_their_recipient()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await server.CreateEndpoint(app, receiver.Url)}";
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        await server.Restart();
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        (await server.Get($"{path}/stats")).Expect(200).Body.GetProperty("attempts").GetProperty("succeeded").GetInt32().ShouldBe(2);

        clock.Advance(TimeSpan.FromDays(20));
        (await server.Get($"{path}/stats")).Expect(200).Body.GetProperty("attempts").GetProperty("succeeded").GetInt32().ShouldBe(0);
        var since = Uri.EscapeDataString(clock.GetUtcNow().AddDays(-21).ToString("O"));
        var old = (await server.Get($"{path}/stats?since={since}")).Expect(200).Body;
        old.GetProperty("attempts").GetProperty("succeeded").GetInt32().ShouldBe(2);
        old.GetProperty("stepSeconds").GetInt32().ShouldBe(7_200);
        old.GetProperty("series").GetArrayLength().ShouldBeInRange(252, 254);

        (await server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);
        (await server.Get($"{path}/stats")).Expect(404);
        (await server.Services.GetRequiredService<Hookway.Storage.Database>().Read(connection =>
            Dapper.SqlMapper.ExecuteScalarAsync<long>(connection, "SELECT count(*) FROM target_stats"))).ShouldBe(0);
    }

    [Fact]
    public async Task Who_may_not_see_the_endpoint_may_not_see_its_stats()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, fixture.Receiver.Url)}";
        (await Server.Get($"{path}/stats", await Server.CreateWorkspace("stats"))).Expect(404);
        (await Server.Get($"{path}/stats", await Server.CreateKey([Scopes.MessageRead]))).Expect(403);
        (await Server.Get($"{path}/stats?since=yesterday")).ExpectInvalid("since");
        (await Server.Get($"{path}/stats?until=2026-01-01T00:00:00Z")).ExpectInvalid("until");
        (await Server.Get($"/api/v1/apps/{app}/endpoints/ep_00000000000000000000000000/stats")).Expect(404);
        var future = (await Server.Get($"{path}/stats?since=2999-01-01T00:00:00Z")).Expect(200).Body;
        future.GetProperty("series").GetArrayLength().ShouldBe(0);
        future.GetProperty("successRate").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Server.Get($"{path}/stats?since=1970-01-01T00:00:00Z")).Expect(200).Body.GetProperty("series").GetArrayLength().ShouldBe(300);
    }

    private async Task<JsonElement> Stats(string path) => (await Server.Get($"{path}/stats")).Expect(200).Body;
}
