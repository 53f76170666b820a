using System.Text.Json;
using Hookway.Ingest.Anomalies;
using Hookway.Issues;
using Hookway.Storage;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>What is wrong with events among themselves, whatever the vendor: seen once for each event, over when it is.</summary>
public sealed class LedgerAnomaliesTests : IAsyncLifetime
{
    private IssueScene _scene = null!;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Repeated_events_are_one_issue_and_another_body_under_the_same_id_is_another()
    {
        var source = await Source();
        var first = await Send(source, new { id = "e1", v = 1 });
        await Send(source, new { id = "e2" });
        (await _scene.Issues()).ShouldBeEmpty();
        var again = await Send(source, new { id = "e1", v = 1 });
        await _scene.Look();
        await Server.Restart(impatient: true);
        var third = await Send(source, new { id = "e1", v = 1 });

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("severity"), issue.Count()).ShouldBe(("duplicate_event", "info", 2));
        issue.Texts("eventIds").ShouldBe([again, third]);
        await Send(source, new { id = "e1", v = 2 });
        var altered = (await _scene.Issues("?kind=duplicate_event"))[0];
        (altered.Text("severity"), altered.Count()).ShouldBe(("error", 1));
        await _scene.Pass(TimeSpan.FromHours(25));
        (await _scene.Issues()).ShouldAllBe(found => found.Text("status") == "resolved");
        first.ShouldNotBe(again);
    }

    [Fact]
    public async Task An_older_event_of_a_thing_after_a_newer_one_is_out_of_order_and_others_are_not()
    {
        var source = await Source();
        await Send(source, new { id = "a", about = "cus_1", at = Ago(60) });
        await Send(source, new { id = "b", about = "cus_2", at = Ago(120) });
        await Send(source, new { id = "c", about = "cus_1", at = Ago(60) });
        await Send(source, new { id = "d", about = "cus_1", at = Ago(30) });
        (await _scene.Issues()).ShouldBeEmpty("another thing, the same time, a later time");
        await _scene.Look();
        await Server.Restart(impatient: true);
        var late = await Send(source, new { id = "e", about = "cus_1", at = Ago(45) });

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Count()).ShouldBe(("out_of_order", 1));
        issue.Texts("eventIds").ShouldBe([late]);
        issue.Text("detail").ShouldContain("cus_1");
        await _scene.Pass(TimeSpan.FromHours(25));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task Events_that_come_long_after_what_they_tell_of_are_late_until_an_hour_is_without()
    {
        var source = await Source();
        await Send(source, new { id = "a", at = Ago(14 * 60) });
        (await _scene.Issues()).ShouldBeEmpty();
        await Send(source, new { id = "b", at = Ago(16 * 60) });
        (await _scene.Issue()).Text("kind").ShouldBe("late_event");
        await _scene.Pass(TimeSpan.FromMinutes(50));
        await Send(source, new { id = "c", at = Ago(3 * 3_600) });
        await _scene.Pass(TimeSpan.FromMinutes(50));
        var issue = await _scene.Issue();
        (issue.Text("status"), issue.Count()).ShouldBe(("open", 2));
        issue.Text("detail").ShouldContain("3 hours after");
        await _scene.Pass(TimeSpan.FromMinutes(11));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task Wrong_signatures_are_an_issue_of_their_source_and_of_nothing_else()
    {
        var source = await Server.CreateSource();
        (await Server.DeliverGitHub(source, "d1")).Expect(200);
        (await _scene.Issues()).ShouldBeEmpty();
        (await Server.DeliverGitHub(source, "d1", secret: "wrong")).Expect(401);
        (await Server.DeliverGitHub(source, "d2", secret: "wrong")).Expect(401);

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("sourceId"), issue.Count()).ShouldBe(("signature_failures", source.Id(), 2));
        await _scene.Pass(TimeSpan.FromMinutes(61));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_number_that_is_left_out_is_a_gap_after_a_while_and_is_filled_by_its_coming()
    {
        var source = await Server.CreateSource("telegram", secret: null);
        async Task Update(long number) => (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { update_id = number, message = new { chat = new { id = 1 } } }))).Expect(200);
        foreach (var number in (long[])[100, 101, 103, 102, 104])
        {
            await Update(number);
        }
        await _scene.Pass(TimeSpan.FromMinutes(6));
        (await _scene.Issues()).ShouldBeEmpty("it was only overtaken");
        await Update(107);
        await _scene.Look();
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromMinutes(4));
        (await _scene.Issues()).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromMinutes(2));

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Count(), issue.GetProperty("entityKey").ValueKind).ShouldBe(("sequence_gap", 2, JsonValueKind.Null));
        await Update(105);
        (await _scene.Issue()).Text("status").ShouldBe("open");
        await Update(106);
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
        await Update(108);
        await Update(5_000_000);
        await Update(5_000_001);
        await _scene.Pass(TimeSpan.FromMinutes(6));
        (await _scene.Issues()).Length.ShouldBe(1, "it counts anew");
    }

    [Fact]
    public async Task Numbers_that_only_rise_are_out_of_order_when_they_fall()
    {
        var source = await Server.CreateSource("heroku", secret: null);
        async Task Event(string thing, long number) => (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(
            new { id = $"{thing}{number}", sequence = number, data = new { id = thing }, resource = "app", action = "update" }))).Expect(200);
        await Event("app_1", 10);
        await Event("app_1", 400);
        await Event("app_2", 20);
        (await _scene.Issues()).ShouldBeEmpty();
        await Event("app_1", 300);
        (await _scene.Issue()).Text("kind").ShouldBe("out_of_order");
    }

    [Fact]
    public async Task Two_that_watch_at_once_see_each_event_once()
    {
        var source = await Source();
        for (var i = 0; i < 450; i++)
        {
            await Send(source, new { id = "same" });
        }
        async Task Watch()
        {
            var watch = ActivatorUtilities.CreateInstance<LedgerWatch>(Server.Services);
            for (var more = true; more;)
            {
                try
                {
                    more = await watch.Step(_scene.Clock.GetUtcNow());
                }
                catch (OvertakenException)
                {
                    // Nothing of this step has stayed; the next reads on where the other stands.
                }
            }
        }

        await Task.WhenAll(Watch(), Watch(), Watch());

        (await _scene.Issue()).Count().ShouldBe(449);
    }

    [Fact]
    public async Task A_feed_that_falls_silent_is_an_issue_until_it_speaks()
    {
        var source = await Source();
        var quiet = await Source();
        var seldom = await Source();
        for (var hour = 0; hour < 8 * 24; hour++)
        {
            await Send(source, new { id = $"{hour}" });
            await Send(quiet, new { id = $"{hour}" });
            if (hour % 12 == 0)
            {
                await Send(seldom, new { id = $"{hour}" });
            }
            await _scene.Pass(TimeSpan.FromHours(1));
        }
        (await _scene.Issues("?kind=silence")).ShouldBeEmpty();
        for (var hour = 0; hour < 8; hour++)
        {
            await Send(source, new { id = $"later {hour}" });
            await _scene.Pass(TimeSpan.FromHours(1));
        }
        await Server.Restart(impatient: true);

        var issue = await _scene.Issue("?kind=silence");

        (issue.Text("sourceId"), issue.Text("status"), issue.Count()).ShouldBe((quiet.Id(), "open", 1));
        issue.Text("detail").ShouldStartWith("Nothing has come for");
        await Send(quiet, new { id = "again" });
        await _scene.Pass(TimeSpan.FromMinutes(6));
        (await _scene.Issue("?kind=silence")).Text("detail").ShouldEndWith("Events come as usual.");
    }

    [Fact]
    public async Task The_same_content_under_another_unsigned_id_is_an_issue_of_its_own()
    {
        var source = await Server.CreateSource();
        var payload = new { action = "opened", issue = new { id = 1 } };
        (await Server.DeliverGitHub(source, "d-1", payload)).Expect(200);
        (await Server.DeliverGitHub(source, "d-1", payload)).Expect(200);
        (await _scene.Issue()).Text("severity").ShouldBe("info");

        var renamed = (await Server.DeliverGitHub(source, "d-2", payload)).Expect(200).Text("eventId");

        var issue = (await _scene.Issues("?kind=duplicate_event"))[0];
        (issue.Text("severity"), issue.Count()).ShouldBe(("warning", 1));
        issue.Texts("eventIds").ShouldBe([renamed]);
    }

    [Fact]
    public async Task Events_without_an_id_that_look_alike_are_no_issue_and_count_for_the_usual_rate()
    {
        var source = await Source();
        for (var i = 0; i < 3; i++)
        {
            await Send(source, new { type = "tick" });
        }

        (await _scene.Issues()).ShouldBeEmpty();
        (await Server.Services.GetRequiredService<Database>().Read(connection => Dapper.SqlMapper.ExecuteScalarAsync<long>(connection, "SELECT sum(events) FROM source_hours"))).ShouldBe(3);
    }

    [Fact]
    public async Task What_turns_out_to_be_genuine_later_is_looked_at_once_more()
    {
        var source = await Server.CreateSource(secret: "mistyped");
        object Run(string action, int id) => new { action, workflow_run = new { id, updated_at = _scene.Clock.GetUtcNow().AddHours(-1) } };
        foreach (var (delivery, action, id) in ((string, string, int)[])[("a", "requested", 1), ("b", "requested", 2), ("c", "in_progress", 2)])
        {
            (await Server.DeliverGitHub(source, delivery, Run(action, id), type: "workflow_run")).Expect(401);
        }
        (await _scene.Issue()).Text("kind").ShouldBe("signature_failures");
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);

        foreach (var failed in await Server.Events(source))
        {
            (await Server.Post($"/api/v1/ingest/events/{failed.GetProperty("eventId").GetString()}/verify")).Expect(200).Body.GetProperty("verified").GetBoolean().ShouldBeTrue();
            await _scene.Look();
        }

        (await _scene.Issue("?kind=late_event")).Count().ShouldBe(3);
        await _scene.Pass(TimeSpan.FromHours(1.1));
        (await _scene.Issue("?kind=missing_event")).Text("entityKey").ShouldBe("1", "of the other one what was to follow has come");
        (await _scene.Issue("?kind=late_event")).Count().ShouldBe(3, "each was looked at once");
    }

    private Task<JsonElement> Source() => Server.CreateSource("custom", new
    {
        name = "feed",
        verification = new { algorithm = "token", header = "X-Token", eventIdPath = "id", eventTypePath = "type", entityKeyPath = "about", timePath = "at" },
    }, "t0ken");

    private async Task<string> Send(JsonElement source, object body) =>
        (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(body), headers: ("X-Token", "t0ken"))).Expect(200).Text("eventId");

    private long Ago(int seconds) => _scene.Clock.GetUtcNow().AddSeconds(-seconds).ToUnixTimeSeconds();
}
