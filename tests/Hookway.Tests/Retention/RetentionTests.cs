using Dapper;
using Hookway.Deliveries.Stats;
using Hookway.Retention;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Retention;

/// <summary>History is kept for as long as it is to be, then goes: data first, what is pending canceled and shown so, a day later all of it.</summary>
public class RetentionTests
{
    [Fact]
    public async Task Data_goes_first_and_a_day_later_the_message_with_all_that_belongs_to_it()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var old = await server.Send(app);
        (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", idempotencyKey = "key_1" })).Expect(202);
        await server.WaitForMessage(app, old, "succeeded");
        (await server.Post($"/api/v1/apps/{app}/messages/{old}/replay")).Expect(202);
        await TestServer.Until(async () => (await server.Get("/api/v1/replays")).Items.All(replay => replay.GetProperty("status").GetString() == "completed"));
        clock.Skip(TimeSpan.FromDays(29));
        (await StatsBefore(server, clock.GetUtcNow().AddDays(-28))).ShouldBePositive();
        var young = await server.Send(app);
        await server.WaitForMessage(app, young, "succeeded");
        await Run(server);
        (await server.Message(app, old)).TryGetProperty("data", out _).ShouldBeTrue();

        clock.Skip(TimeSpan.FromDays(1.1));
        await Run(server);
        (await server.Message(app, old)).TryGetProperty("data", out _).ShouldBeFalse();
        (await server.Message(app, young)).TryGetProperty("data", out _).ShouldBeTrue();
        (await server.Attempts(app, old)).Length.ShouldBe(2);
        (await server.Post($"/api/v1/apps/{app}/messages/{old}/replay")).ExpectCode(400, "payload_expired");

        clock.Skip(TimeSpan.FromDays(1));
        await Run(server);
        (await server.Get($"/api/v1/apps/{app}/messages/{old}")).Expect(404);
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.Select(item => item.GetProperty("messageId").GetString()).ShouldBe([young]);
        (await server.Get("/api/v1/replays")).Items.ShouldBeEmpty();
        (await Counts(server)).ShouldBe((1, 1, 1, 0));
        (await StatsBefore(server, clock.GetUtcNow().AddDays(-30))).ShouldBe(0);
        (await server.Get("/api/v1/audit-log")).Items.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task What_is_pending_or_held_is_canceled_as_expired_and_shown_so_for_a_day()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var held = await server.Send(app);
        // The server was away for long: the message is older by then than one that is to be removed.
        clock.Skip(TimeSpan.FromDays(40));
        await Run(server);
        var expired = await server.Message(app, held);
        expired.GetProperty("status").GetString().ShouldBe("canceled");
        expired.GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("canceled");
        expired.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("expired");
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = false })).Expect(200);
        await Run(server);
        await server.Message(app, held);

        clock.Skip(TimeSpan.FromDays(1.1));
        await Run(server);
        (await server.Get($"/api/v1/apps/{app}/messages/{held}")).Expect(404);
        (await Counts(server)).ShouldBe((0, 0, 0, 0));
        receiver.Count.ShouldBe(0);
    }

    [Fact]
    public async Task A_workspace_may_keep_less_than_the_server_and_never_more()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(new() { ["Hookway:Retention:Days"] = "10" }, clock);
        var other = await server.CreateWorkspace();
        var app = await server.CreateApp();
        var otherApp = (await server.Post("/api/v1/apps", new { name = "Other" }, other)).Expect(201).Text("appId");
        (await server.Put($"/api/v1/apps/{otherApp}/event-types/invoice.paid", new { }, other)).Expect(201);
        await SetDays(server, 1, 90);
        await SetDays(server, 2, 3);
        var sent = new List<(string Own, string Others)>();
        for (var day = 0; day < 3; day++)
        {
            var others = (await server.Post($"/api/v1/apps/{otherApp}/messages", new { recipient = "a", type = "invoice.paid" }, other)).Expect(202).Text("messageId");
            sent.Add((await server.Send(app), others));
            clock.Skip(TimeSpan.FromDays(2));
        }
        await Run(server);
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(3);
        (await server.Get($"/api/v1/apps/{otherApp}/messages", other)).Items.Select(item => item.GetProperty("messageId").GetString()).ShouldBe([sent[2].Others]);

        clock.Skip(TimeSpan.FromDays(6));
        await Run(server);
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.Select(item => item.GetProperty("messageId").GetString()).ShouldBe([sent[2].Own, sent[1].Own]);
        (await server.Get($"/api/v1/apps/{otherApp}/messages", other)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task It_goes_on_after_a_restart_over_more_than_one_step_and_past_what_is_dated_later()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        // A clock that was wrong for a while: messages of a time to come stand among those of the past.
        clock.Skip(TimeSpan.FromDays(300));
        var future = await server.Send(app);
        clock.Skip(TimeSpan.FromDays(-300));
        var messages = Enumerable.Range(0, 300).Select(i => new { recipient = $"customer_{i % 7}", type = "invoice.paid", data = new { i } }).ToList();
        (await server.Post($"/api/v1/apps/{app}/messages/batch", new { messages })).Expect(202);
        clock.Skip(TimeSpan.FromDays(30.5));
        await Run(server);
        await server.Restart();
        clock.Skip(TimeSpan.FromDays(1));
        await Task.WhenAll(Run(server), Run(server));
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.Select(item => item.GetProperty("messageId").GetString()).ShouldBe([future]);

        clock.Skip(TimeSpan.FromDays(301));
        await Run(server);
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task One_server_at_a_time_has_the_turn_until_it_lets_it_run_out()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        var settings = server.Services.GetRequiredService<StoreSettings>();
        Task<bool> Take(string holder) => settings.TakeTurn("turn", holder, clock.GetUtcNow() + TimeSpan.FromMinutes(3));
        (await Take("one")).ShouldBeTrue();
        (await Take("two")).ShouldBeFalse();
        (await Take("one")).ShouldBeTrue();
        clock.Skip(TimeSpan.FromMinutes(4));
        (await Take("two")).ShouldBeTrue();
        (await Take("one")).ShouldBeFalse();
    }

    [Fact]
    public async Task A_message_cannot_wait_for_longer_than_it_is_kept()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Retention:Days"] = "10" });
        var app = await server.CreateApp();
        object Message(double days) => new { recipient = "customer_1", type = "invoice.paid", deliverAt = DateTimeOffset.UtcNow.AddDays(days) };
        (await server.Post($"/api/v1/apps/{app}/messages", Message(9.9))).Expect(202);
        (await server.Post($"/api/v1/apps/{app}/messages", Message(10.1))).ExpectInvalid("deliverAt");
        await SetDays(server, 1, 2);
        (await server.Post($"/api/v1/apps/{app}/messages", Message(2.1))).ExpectInvalid("deliverAt");
        var batch = (await server.Post($"/api/v1/apps/{app}/messages/batch", new { messages = new[] { Message(1.9), Message(2.1) } })).Expect(202);
        batch.Body.GetProperty("results")[0].TryGetProperty("messageId", out _).ShouldBeTrue();
        batch.Body.GetProperty("results")[1].GetProperty("errors").TryGetProperty("deliverAt", out _).ShouldBeTrue();
    }

    private static async Task Run(TestServer server) =>
        (await server.Services.GetRequiredService<RetentionRunner>().RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();

    private static Task<int> SetDays(TestServer server, long workspaceNo, long days) => server.Services.GetRequiredService<Database>().Write(session =>
        session.Connection.ExecuteAsync("UPDATE workspaces SET retention_days = @days WHERE no = @workspaceNo", new { workspaceNo, days }));

    private static Task<long> StatsBefore(TestServer server, DateTimeOffset time) => server.Services.GetRequiredService<Database>().Read(connection =>
        connection.ExecuteScalarAsync<long>("SELECT count(*) FROM target_stats WHERE slot < @slot", new { slot = TargetStatStore.SlotOf(time) }));

    private static Task<(long Messages, long Deliveries, long Attempts, long Keys)> Counts(TestServer server) => server.Services.GetRequiredService<Database>().Read(connection =>
        connection.QuerySingleAsync<(long, long, long, long)>(
            "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM deliveries), (SELECT count(*) FROM attempts), (SELECT count(*) FROM idempotency_keys)"));
}
