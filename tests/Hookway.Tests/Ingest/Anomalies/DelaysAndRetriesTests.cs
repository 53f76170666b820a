using System.Text;
using System.Text.Json;
using Hookway.Ingest.Anomalies;
using Hookway.Ingest.Verification;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>Events that come later than is usual of their source, or only when they were tried again.</summary>
public sealed class DelaysAndRetriesTests : IAsyncLifetime
{
    private IssueScene _scene = null!;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Many_events_much_later_than_usual_are_a_backlog_of_the_vendor()
    {
        var source = await Custom(null);
        var set = await Custom(new Dictionary<string, int?> { ["late"] = 600 });
        await Learn(source, TimeSpan.FromSeconds(20));
        await Learn(set, TimeSpan.FromSeconds(20));
        (await _scene.Issues()).ShouldBeEmpty();
        for (var i = 0; i < 9; i++)
        {
            await Send(source, TimeSpan.FromMinutes(5));
        }
        await Send(source, TimeSpan.FromSeconds(55));
        await _scene.Look();
        await Server.Restart(impatient: true);
        (await _scene.Issues()).ShouldBeEmpty("nine are not many, and what takes less than a minute is never slow");
        await Send(source, TimeSpan.FromMinutes(5));
        for (var i = 0; i < 20; i++)
        {
            await Send(set, TimeSpan.FromMinutes(5));
        }

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("sourceId"), issue.Count()).ShouldBe(("late_event", source.Id(), 1));
        issue.Text("detail").ShouldContain("5 minutes after what it tells of; usual of this source are 22 seconds at most");
        await _scene.Pass(TimeSpan.FromMinutes(61));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_few_slow_ones_among_many_are_none()
    {
        var source = await Custom(null);
        await Learn(source, TimeSpan.FromSeconds(2));
        for (var i = 0; i < 60; i++)
        {
            await Send(source, i % 6 == 0 ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(2));
        }
        (await _scene.Issues()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_source_whose_events_are_always_late_is_judged_by_what_is_usual_of_it()
    {
        var source = await Custom(null);
        await Learn(source, TimeSpan.FromMinutes(20));
        (await _scene.Issues()).Length.ShouldBe(3, "as long as that was not known");
        await Send(source, TimeSpan.FromMinutes(21));
        (await _scene.Issues()).ShouldAllBe(issue => issue.Text("status") == "resolved");
        await Send(source, TimeSpan.FromMinutes(90));
        (await _scene.Issues("?status=open")).ShouldHaveSingleItem().Text("kind").ShouldBe("late_event");
    }

    [Fact]
    public async Task Many_requests_that_had_been_tried_before_are_an_issue_until_an_hour_is_without()
    {
        var source = await Server.CreateSource("slack", secret: null);
        var off = await Server.CreateSource("slack", new { expectations = new Dictionary<string, int?> { ["retries"] = null } }, secret: null);
        for (var i = 0; i < 4; i++)
        {
            await Slack(source, 1);
            await Slack(off, 3);
        }
        await _scene.Look();
        await Server.Restart(impatient: true);
        (await _scene.Issues()).ShouldBeEmpty();
        await Slack(source, 0);
        await Slack(source, 2);

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("sourceId"), issue.Count(), issue.Text("severity")).ShouldBe(("late_event", source.Id(), 1, "warning"));
        issue.Text("title").ShouldBe("slack feed has to send events again");
        issue.Text("detail").ShouldStartWith("The last of them came at try 3.");
        await _scene.Pass(TimeSpan.FromMinutes(61));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task One_request_that_was_tried_very_often_is_an_issue_and_a_few_retries_among_many_requests_are_none()
    {
        var busy = await Server.CreateSource("slack", secret: null);
        for (var i = 0; i < 120; i++)
        {
            await Slack(busy, i % 24 == 0 ? 1 : 0);
        }
        (await _scene.Issues()).ShouldBeEmpty();
        var seldom = await Server.CreateSource("slack", secret: null);
        await Slack(seldom, 3);
        (await _scene.Issue()).Text("sourceId").ShouldBe(seldom.Id());
    }

    [Theory]
    [InlineData("slack", "X-Slack-Retry-Num: 1", "{}", 1)]
    [InlineData("slack", "X-Other: 1", "{}", 0)]
    [InlineData("slack", "X-Slack-Retry-Num: many", "{}", 0)]
    [InlineData("bitbucket", "X-Attempt-Number: 1", "{}", 0)]
    [InlineData("bitbucket", "X-Attempt-Number: 3", "{}", 2)]
    [InlineData("twitch", "Twitch-Eventsub-Message-Retry: 2", "{}", 2)]
    [InlineData("hubspot", "A: b", """[{"attemptNumber":1}]""", 1)]
    [InlineData("jira", "X-Atlassian-Webhook-Retry: 5", "{}", 5)]
    [InlineData("google-pubsub", "A: b", """{"message":{},"deliveryAttempt":4}""", 3)]
    [InlineData("square", "square-retry-number: 2", "{}", 2)]
    [InlineData("intercom", "A: b", """{"delivery_attempts":2}""", 1)]
    [InlineData("qstash", "Upstash-Retried: 1", "{}", 1)]
    [InlineData("docusign", "A: b", """{"retryCount":2}""", 2)]
    [InlineData("line", "A: b", """{"events":[{"deliveryContext":{"isRedelivery":true}}]}""", 1)]
    [InlineData("line", "A: b", """{"events":[{"deliveryContext":{"isRedelivery":false}}]}""", 0)]
    public void Vendors_say_how_often_they_have_tried(string vendor, string header, string body, int tries) => VendorCatalog.Find(vendor)!.Retry!.Of(new VendorRequest(
        "POST", "https://hooks.example.com/in", [new(header.Split(": ")[0], header.Split(": ")[1])], Encoding.UTF8.GetBytes(body), _scene.Clock.GetUtcNow())).ShouldBe(tries);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1.1, 1.2)]
    [InlineData(60, 70)]
    [InlineData(86_400, 103_000)]
    public void A_time_is_counted_by_steps_of_a_fifth(double seconds, double atMost)
    {
        var longest = UsualTime.Longest(UsualTime.StepOf(TimeSpan.FromSeconds(seconds))).TotalSeconds;
        longest.ShouldBeGreaterThanOrEqualTo(seconds);
        longest.ShouldBeLessThan(atMost + 0.01);
    }

    [Fact]
    public void What_is_usual_is_the_median_of_days_so_that_a_bad_one_changes_nothing()
    {
        TimeCount[] days = [new(1, 4, 99), new(1, 40, 1), new(2, 4, 20), new(3, 60, 1_000), new(4, 8, 20), new(5, 80, 19)];
        UsualTime.OfDays(days, 0.99).ShouldBe(UsualTime.Longest(8), "the days take 4, 4, 8 and 60; what came on the fifth is too little");
        UsualTime.OfDays(days.Take(3), 0.99).ShouldBeNull("two days are too few");
        UsualTime.OfAll([new(1, 4, 95), new(9, 20, 5)], 0.95, 100).ShouldBe(UsualTime.Longest(4));
        UsualTime.OfAll([new(1, 4, 94), new(9, 20, 6)], 0.95, 100).ShouldBe(UsualTime.Longest(20));
        UsualTime.OfAll([new(1, 4, 99)], 0.95, 100).ShouldBeNull();
    }

    /// <summary>Four days of events that come after so long.</summary>
    private async Task Learn(JsonElement source, TimeSpan delay)
    {
        for (var day = 0; day < 4; day++)
        {
            for (var i = 0; i < 20; i++)
            {
                await Send(source, delay);
            }
            await _scene.Pass(TimeSpan.FromDays(1));
        }
    }

    private Task<JsonElement> Custom(Dictionary<string, int?>? expectations) => Server.CreateSource("custom", new
    {
        verification = new { algorithm = "token", header = "X-Token", timePath = "at" }, expectations,
    }, "t0ken");

    private int _sent;

    private async Task Send(JsonElement source, TimeSpan delay) => (await Server.Deliver(
        source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { at = (_scene.Clock.GetUtcNow() - delay).ToUnixTimeMilliseconds(), i = _sent++ }), headers: ("X-Token", "t0ken"))).Expect(200);

    private async Task Slack(JsonElement source, int tries) => (await Server.Deliver(
        source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { event_id = $"Ev{_sent++}", @event = new { type = "message" } }),
        headers: tries == 0 ? [] : [("X-Slack-Retry-Num", $"{tries}"), ("X-Slack-Retry-Reason", "http_timeout")])).Expect(200);
}
