using System.Text.Json;
using Dapper;
using Hookway.Ingest.Anomalies;
using Hookway.Ingest.Verification;
using Hookway.Storage;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>A type that does not come any more, of a source that sends others; and a feed that the vendor has ended.</summary>
public sealed class TypeSilenceTests : IAsyncLifetime
{
    private const int Weeks = 3;

    private IssueScene _scene = null!;
    private int _sent;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_type_far_below_its_usual_rate_is_an_issue_until_it_comes_again_and_others_are_not()
    {
        var source = await Server.CreateSource();
        var off = await Server.CreateSource(more: new { expectations = new Dictionary<string, int?> { ["silence"] = null } });
        foreach (var of in (JsonElement[])[source, off])
        {
            await Usual(of, "push", 100);
            await Usual(of, "issues.opened", 40);
            await Usual(of, "star.created", 1);
        }
        await _scene.Look();
        (await _scene.Issues()).ShouldBeEmpty();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            await Hour(source, "push", 100);
            await Hour(off, "push", 100);
            await _scene.Pass(TimeSpan.FromHours(1));
        }
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromMinutes(6));

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("sourceId"), issue.Count()).ShouldBe(("silence", source.Id(), 1));
        issue.Text("title").ShouldBe("github feed sends unusually few events of the type issues.opened");
        issue.Text("detail").ShouldContain("came 0 of them; usual are about 40.");
        await Hour(source, "push", 100);
        await Hour(source, "issues.opened", 39);
        await _scene.Pass(TimeSpan.FromHours(1));
        issue = await _scene.Issue();
        (issue.Text("status"), issue.Count()).ShouldBe(("resolved", 1));
        issue.Text("detail").ShouldEndWith("Events of this type come as usual.");
    }

    [Fact]
    public async Task Events_are_counted_by_type_and_hour_and_forgotten_after_weeks()
    {
        var source = await Server.CreateSource();
        foreach (var i in Enumerable.Range(0, 3))
        {
            (await Server.DeliverGitHub(source, $"d{i}", type: i == 0 ? "push" : "issues")).Expect(200);
        }
        (await Server.DeliverGitHub(source, "d1")).Expect(200);
        await _scene.Look();
        (await Counted()).ShouldBe([("issues.opened", 2), ("push.opened", 1)], "a duplicate counts once");
        await _scene.Pass(TimeSpan.FromDays(30));
        (await Counted()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_feed_that_the_vendor_has_ended_is_not_silent()
    {
        var ended = await Server.CreateSource("shopify", secret: null);
        var silent = await Server.CreateSource("shopify", secret: null);
        foreach (var source in (JsonElement[])[ended, silent])
        {
            await Usual(source, "orders/create", 100);
            await Topic(source, "orders/create");
        }
        await _scene.Pass(TimeSpan.FromHours(3));
        (await _scene.Issues("?kind=silence")).Length.ShouldBe(2);
        await Topic(ended, "app/uninstalled");
        await _scene.Pass(TimeSpan.FromMinutes(6));
        var over = (await _scene.Issues("?kind=silence&status=resolved")).ShouldHaveSingleItem();
        over.Text("detail").ShouldEndWith("The vendor has ended the feed: app/uninstalled.");
        over.Text("sourceId").ShouldBe(ended.Id());
        await _scene.Pass(TimeSpan.FromHours(40));
        (await _scene.Issues("?kind=silence&status=open")).ShouldHaveSingleItem().Text("sourceId").ShouldBe(silent.Id());
        await Topic(ended, "app/scopes_update");
        await _scene.Pass(TimeSpan.FromHours(3));
        (await _scene.Issues("?kind=silence&status=open")).Length.ShouldBe(2, "it sends again, and less than it did");
    }

    [Fact]
    public async Task Far_more_bounces_among_mails_than_usual_are_an_issue_until_a_day_is_as_usual()
    {
        var source = await Server.CreateSource("resend", secret: null);
        var off = await Server.CreateSource("resend", new { expectations = new Dictionary<string, int?> { ["mail-bounces"] = null } }, secret: null);
        var usual = await Server.CreateSource("resend", secret: null);
        foreach (var of in (JsonElement[])[source, off, usual])
        {
            await Usual(of, "email.delivered", 50);
            await Usual(of, "email.bounced", 1);
        }
        await _scene.Look();
        (await _scene.Issues()).ShouldBeEmpty();
        async Task Day(int bounces)
        {
            for (var hour = 0; hour < 24; hour++)
            {
                foreach (var of in (JsonElement[])[source, off, usual])
                {
                    await Hour(of, "email.delivered", 50);
                    await Hour(of, "email.bounced", of.Id() == usual.Id() ? 1 : bounces);
                }
                await _scene.Pass(TimeSpan.FromHours(1));
            }
        }
        await Day(4);
        await Server.Restart(impatient: true);

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("sourceId"), issue.Count()).ShouldBe(("unusual_rate", source.Id(), 1));
        issue.Text("detail").ShouldContain("usual are 2.0");
        await Day(1);
        (await _scene.Issue()).Text("detail").ShouldEndWith("The share is as usual.");
    }

    [Theory]
    [InlineData(100, 100, 50, 0, false)]
    [InlineData(100, 100, 96, 0, false)]
    [InlineData(100, 100, 24, 0, true)]
    [InlineData(100, 1, 1, 0, false)]
    [InlineData(100, 4, 8, 30, false)]
    [InlineData(100, 4, 12, 30, true)]
    [InlineData(100, 0, 2, 30, true)]
    public void A_share_is_unusual_when_it_is_improbable_and_beyond_a_factor_of_two(int whole, int usually, int now, int isRise, bool isUnusual)
    {
        var at = new DateTimeOffset(2026, 3, 2, 15, 30, 0, TimeSpan.Zero);
        var rule = new GapRule { Name = "share", Kind = GapRuleKind.Share, Text = ".", After = ["all"], Until = ["some"], IsRise = isRise > 0 };
        Dictionary<long, long> Hours(int before, int then, int days = 20) => Enumerable.Range(1, days * 24).ToDictionary(ago => FeedRate.HourOf(at) - ago, ago => (long)(ago <= 24 ? then : before));
        FeedShare? Of(int days) => FeedShare.At(new Dictionary<string, IReadOnlyDictionary<long, long>> { ["all"] = Hours(whole, whole, days), ["some"] = Hours(usually, now, days) }, rule, at);

        (Of(20) is not null).ShouldBe(isUnusual);
        Of(6).ShouldBeNull("too little is known");
    }

    private async Task Topic(JsonElement source, string topic) => (await Server.Deliver(
        source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { id = _sent }), headers: [("X-Shopify-Topic", topic), ("X-Shopify-Webhook-Id", $"w{_sent++}")])).Expect(200);

    /// <summary>Weeks in which so many came each hour.</summary>
    private async Task Usual(JsonElement source, string type, int perHour)
    {
        var hour = FeedRate.HourOf(_scene.Clock.GetUtcNow());
        await Count(source, type, Enumerable.Range(1, (Weeks * 7 * 24) + 30).Select(ago => hour - ago), perHour);
    }

    private Task<int> Hour(JsonElement source, string type, int events) => Count(source, type, [FeedRate.HourOf(_scene.Clock.GetUtcNow())], events);

    private Task<int> Count(JsonElement source, string type, IEnumerable<long> hours, int events) => Server.Services.GetRequiredService<Database>().Write(async session =>
    {
        var no = await session.Connection.ExecuteScalarAsync<long>("SELECT no FROM sources WHERE id = @id", new { id = source.Id() });
        var all = hours.ToList();
        await FeedRateStore.Count(session, [.. all.Select(hour => new HourCount(no, hour, events, 0, 0))]);
        await FeedRateStore.CountTypes(session, [.. all.Select(hour => KeyValuePair.Create((no, type, hour), (long)events))]);
        return 0;
    });

    private Task<List<(string, long)>> Counted() => Server.Services.GetRequiredService<Database>().Read(async connection =>
        (await connection.QueryAsync<(string, long)>("SELECT type, CAST(sum(events) AS BIGINT) FROM type_hours GROUP BY type ORDER BY type")).AsList());
}
