using System.Text.Json;
using Hookway.Ingest.Verification;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>What a source expects in a time of its own, or does not expect.</summary>
public sealed class SourceExpectationsTests : IAsyncLifetime
{
    private IssueScene _scene = null!;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_source_waits_as_long_as_it_says_and_others_as_long_as_the_vendors_record_says()
    {
        var own = await Source("resend", """{"mail-ended":600}""");
        var usual = await Source("resend", "{}");
        await Sent(own, "mail_1");
        await Sent(own, "mail_2");
        await Sent(usual, "mail_1");
        await _scene.Pass(TimeSpan.FromMinutes(5));
        await Delivered(own, "mail_2");
        await _scene.Look();
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromMinutes(5));
        (await _scene.Issues()).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromSeconds(20));

        var issue = await _scene.Issue();

        (issue.Text("sourceId"), issue.Text("entityKey"), issue.Count()).ShouldBe((own.Id(), "mail_1", 1));
        issue.Text("detail").ShouldContain("This source waits 10 minutes.");
        await _scene.Pass(TimeSpan.FromHours(1));
        (await _scene.Issue()).Count().ShouldBe(1);
        await Delivered(own, "mail_1");
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_rule_that_is_switched_off_expects_nothing_and_ends_what_it_had_opened()
    {
        var source = await Source("resend", "{}");
        await Sent(source, "mail_1");
        await _scene.Pass(TimeSpan.FromHours(73));
        (await _scene.Issue()).Text("status").ShouldBe("open");
        await Sent(source, "mail_2");
        await _scene.Look();

        await Change(source, """{"expectations":{"mail-ended":null}}""");
        await Sent(source, "mail_3");
        await _scene.Pass(TimeSpan.FromHours(73));

        var issue = await _scene.Issue();
        (issue.Text("status"), issue.Text("entityKey")).ShouldBe(("resolved", "mail_1"));
        issue.Text("detail").ShouldEndWith("Its rule was switched off.");
        await Change(source, """{"expectations":null}""");
        await Sent(source, "mail_4");
        await _scene.Pass(TimeSpan.FromHours(73));
        (await _scene.Issues("?status=open")).ShouldHaveSingleItem().Text("entityKey").ShouldBe("mail_4");
    }

    [Fact]
    public async Task Rules_that_every_source_has_are_set_and_switched_off_as_well()
    {
        var patient = await Custom("""{"late":3600}""");
        var careless = await Custom("""{"late":null,"order":null,"duplicates":null}""");
        foreach (var source in (JsonElement[])[patient, careless])
        {
            await Event(source, "a", 50 * 60);
            await Event(source, "b", 55 * 60);
            await Event(source, "b", 55 * 60);
        }
        (await _scene.Issues()).Select(issue => (issue.Text("kind"), issue.Text("sourceId"))).ShouldBe([("out_of_order", patient.Id()), ("duplicate_event", patient.Id())], ignoreOrder: true);
        await Event(patient, "c", 61 * 60);
        await Event(careless, "c", 61 * 60);
        (await _scene.Issues("?kind=late_event")).ShouldHaveSingleItem().Text("sourceId").ShouldBe(patient.Id());

        await Change(patient, """{"expectations":{"late":null,"order":null}}""");
        await _scene.Pass(TimeSpan.FromSeconds(6));

        (await _scene.Issues("?status=open")).ShouldHaveSingleItem().Text("kind").ShouldBe("duplicate_event");
    }

    [Fact]
    public async Task A_number_that_is_left_out_is_waited_for_as_long_as_the_source_says()
    {
        var source = await Source("telegram", """{"update-sequence":3600}""");
        foreach (var number in (int[])[1, 3])
        {
            (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { update_id = number, message = new { chat = new { id = 1 } } }))).Expect(200);
        }
        await _scene.Pass(TimeSpan.FromMinutes(59));
        (await _scene.Issues()).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromMinutes(2));
        (await _scene.Issue()).Text("kind").ShouldBe("sequence_gap");
    }

    [Fact]
    public async Task All_issues_of_a_source_end_with_it()
    {
        var source = await Source("telegram", "{}");
        var other = await Custom("{}");
        foreach (var number in (int[])[1, 3, 3])
        {
            (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { update_id = number, message = new { chat = new { id = 1 } } }))).Expect(200);
        }
        await Event(other, "a", 3_600);
        await _scene.Pass(TimeSpan.FromMinutes(6));
        var open = await _scene.Issues("?status=open");
        open.Length.ShouldBe(3);
        (await _scene.Move("ignore", open.First(issue => issue.Text("kind") == "duplicate_event").Text("issueId"))).Expect(200);

        (await Server.Delete($"/api/v1/ingest/sources/{source.Id()}")).Expect(200);
        await _scene.Look();
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromSeconds(6));

        (await _scene.Issues($"?sourceId={source.Id()}")).ShouldAllBe(issue => issue.Text("status") == "resolved" && issue.Text("detail").EndsWith("Its source was archived."));
        (await _scene.Issues("?status=open")).ShouldHaveSingleItem().Text("sourceId").ShouldBe(other.Id());
    }

    [Fact]
    public void No_rule_of_a_vendor_is_called_as_one_that_every_source_has() =>
        VendorCatalog.All.SelectMany(vendor => vendor.Rules).Select(rule => rule.Name).Intersect(CommonRule.All.Select(rule => rule.Name)).ShouldBeEmpty();

    private Task<JsonElement> Source(string vendor, string expectations) => Server.CreateSource(vendor, new { expectations = JsonSerializer.Deserialize<JsonElement>(expectations) }, secret: null);

    private Task<JsonElement> Custom(string expectations) => Server.CreateSource("custom", new
    {
        verification = new { algorithm = "token", header = "X-Token", eventIdPath = "id", entityKeyPath = "about", timePath = "at" },
        expectations = JsonSerializer.Deserialize<JsonElement>(expectations),
    }, "t0ken");

    private async Task Change(JsonElement source, string change) => (await Server.Raw(HttpMethod.Patch, $"/api/v1/ingest/sources/{source.Id()}", change)).Expect(200);

    private async Task Event(JsonElement source, string id, int secondsAgo) => (await Server.Deliver(
        source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { id, about = "cus_1", at = _scene.Clock.GetUtcNow().AddSeconds(-secondsAgo).ToUnixTimeSeconds() }), headers: ("X-Token", "t0ken"))).Expect(200);

    private Task Sent(JsonElement source, string mail) => Mail(source, "email.sent", mail);

    private Task Delivered(JsonElement source, string mail) => Mail(source, "email.delivered", mail);

    private async Task Mail(JsonElement source, string type, string mail) =>
        (await new MadeUpEvent(VendorCatalog.Find("resend")!, type, mail, [], []).Send(Server, source)).Expect(200);
}
