using Dapper;
using Hookway.Retention;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Retention;

/// <summary>Events are kept for as long as the workspace keeps history, or as their source says; then what they carry goes, and a day later the rest.</summary>
public class EventRetentionTests
{
    [Fact]
    public async Task The_body_goes_first_and_a_day_later_the_event_with_what_its_repetitions_are_known_by()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        var source = await server.CreateSource("gitlab", secret: "t0ken");
        Task<Answer> Deliver(string id) =>
            server.Deliver(source.Path(), """{"object_kind":"push"}"""u8.ToArray(), headers: [("X-Gitlab-Token", "t0ken"), ("X-Gitlab-Event-UUID", id)]);
        var old = (await Deliver("u-1")).Expect(200).Text("eventId");
        var repeated = (await Deliver("u-1")).Expect(200).Text("eventId");
        clock.Skip(TimeSpan.FromDays(29));
        var young = (await Deliver("u-2")).Expect(200).Text("eventId");
        await Run(server);
        (await server.Event(old)).GetProperty("body").GetString().ShouldBe("""{"object_kind":"push"}""");

        clock.Skip(TimeSpan.FromDays(1.1));
        await Run(server);
        (await server.Event(old)).TryGetProperty("body", out _).ShouldBeFalse();
        (await server.Get($"/api/v1/ingest/events/{old}/body")).Expect(404);
        (await server.Event(young)).GetProperty("body").GetString().ShouldNotBeNull();
        var check = (await server.Post($"/api/v1/ingest/events/{old}/verify")).Expect(200).Body;
        (check.GetProperty("verified").GetBoolean(), check.GetProperty("reason").GetString()).ShouldBe((false, "payload_expired"));
        (await server.Event(old)).GetProperty("signatureStatus").GetString().ShouldBe("verified");
        (await Count(server, "SELECT count(*) FROM events WHERE sealed IS NOT NULL")).ShouldBe(1, "the token in its headers went with the body");
        (await Deliver("u-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();

        clock.Skip(TimeSpan.FromDays(1));
        await Run(server);
        (await server.Get($"/api/v1/ingest/events/{old}")).Expect(404);
        (await server.Get($"/api/v1/ingest/events/{repeated}")).Expect(404);
        (await server.Events(source))[^1].GetProperty("eventId").GetString().ShouldBe(young);
        (await Count(server, "SELECT count(*) FROM event_keys")).ShouldBe(1);
        (await Deliver("u-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse("the first is forgotten");
        (await Deliver("u-2")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts").GetProperty("events").GetInt32().ShouldBe(6);
    }

    [Fact]
    public async Task A_source_may_keep_less_than_its_workspace_and_never_more()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(new() { ["Hookway:Retention:Days"] = "10" }, clock);
        var (plain, shorter, longer) = (await server.CreateSource(), await server.CreateSource(more: new { retentionDays = 2 }), await server.CreateSource(more: new { retentionDays = 90 }));
        foreach (var source in new[] { plain, shorter, longer })
        {
            (await server.DeliverGitHub(source, "d-1")).Expect(200);
            (await server.DeliverGitHub(source, "forged", secret: "wrong")).Expect(401);
        }
        clock.Skip(TimeSpan.FromDays(3.1));
        await Run(server);
        (await Kept(server, plain, shorter, longer)).ShouldBe((2, 0, 2));

        clock.Skip(TimeSpan.FromDays(8));
        await Run(server);
        (await Kept(server, plain, shorter, longer)).ShouldBe((0, 0, 0));
        (await Count(server, "SELECT count(*) FROM event_keys")).ShouldBe(0, "what they were known by is gone with them");
    }

    [Fact]
    public async Task What_is_to_be_kept_for_less_time_from_now_on_goes_also_where_the_walk_has_been()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        var (one, two) = (await server.CreateSource(more: new { retentionDays = 2 }), await server.CreateSource());
        (await server.DeliverGitHub(two, "d-1")).Expect(200);
        (await server.DeliverGitHub(one, "d-1")).Expect(200);
        clock.Skip(TimeSpan.FromDays(5));
        await Run(server);
        (await Kept(server, one, two, two)).ShouldBe((0, 1, 1));

        (await server.Patch($"/api/v1/ingest/sources/{two.Id()}", new { retentionDays = 2 })).Expect(200);
        await Run(server);

        (await Kept(server, one, two, two)).ShouldBe((0, 0, 0));
    }

    [Fact]
    public async Task What_was_refused_is_kept_as_long_as_events_are_and_counted_for_good()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(new() { ["Hookway:Retention:Days"] = "10" }, clock);
        var (plain, shorter) = (await server.CreateSource(more: new { rateLimitPerMinute = 1 }), await server.CreateSource(more: new { rateLimitPerMinute = 1, retentionDays = 2 }));
        var app = await server.CreateApp();
        async Task Refuse()
        {
            (await server.DeliverGitHub(plain, "d-1")).Expect(429);
            (await server.DeliverGitHub(shorter, "d-1")).Expect(429);
            (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "c", type = "not.published" })).Expect(400);
        }
        async Task<(int Plain, int Shorter, int App)> Listed() => (
            (await server.Get($"/api/v1/ingest/sources/{plain.Id()}/refused-requests")).Items.Length, (await server.Get($"/api/v1/ingest/sources/{shorter.Id()}/refused-requests")).Items.Length,
            (await server.Get($"/api/v1/apps/{app}/refused-messages")).Items.Length);
        (await server.DeliverGitHub(plain, "d-1")).Expect(200);
        (await server.DeliverGitHub(shorter, "d-1")).Expect(200);
        await Refuse();
        (await Listed()).ShouldBe((1, 1, 1));
        clock.Skip(TimeSpan.FromDays(3));
        await Refuse();
        await Run(server);
        (await Listed()).ShouldBe((2, 1, 2));

        clock.Skip(TimeSpan.FromDays(7.1));
        await Run(server);

        (await Listed()).ShouldBe((1, 0, 1));
        foreach (var source in new[] { plain, shorter })
        {
            (await server.Get($"/api/v1/ingest/sources/{source.Id()}/refused-requests")).Body.GetProperty("total").GetInt32().ShouldBe(2);
        }
        (await server.Get($"/api/v1/apps/{app}/refused-messages")).Body.GetProperty("total").GetInt32().ShouldBe(2);
    }

    private static async Task<(int, int, int)> Kept(TestServer server, params System.Text.Json.JsonElement[] sources) =>
        ((await server.Events(sources[0])).Length, (await server.Events(sources[1])).Length, (await server.Events(sources[2])).Length);

    private static async Task Run(TestServer server) =>
        (await server.Services.GetRequiredService<RetentionRunner>().RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();

    private static Task<long> Count(TestServer server, string sql) => server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<long>(sql));
}
