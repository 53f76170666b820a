using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>Events that a vendor sends again, also at the same time, and those that only look so.</summary>
public sealed class DuplicatesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_event_sent_again_is_marked_with_the_first()
    {
        var source = await Server.CreateSource();
        var first = (await Server.DeliverGitHub(source, "d-1")).Expect(200);

        var again = (await Server.DeliverGitHub(source, "d-1")).Expect(200);
        var third = (await Server.DeliverGitHub(source, "d-1")).Expect(200);
        var other = (await Server.DeliverGitHub(source, "d-2")).Expect(200);

        new[] { first, again, third, other }.Select(answer => answer.Body.GetProperty("duplicate").GetBoolean()).ShouldBe([false, true, true, false]);
        new[] { first, again, third, other }.Select(answer => answer.Text("eventId")).Distinct().Count().ShouldBe(4);
        foreach (var repeated in new[] { again, third })
        {
            (await Server.Event(repeated.Text("eventId"))).GetProperty("duplicateOf").GetString().ShouldBe(first.Text("eventId"));
        }
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts").GetProperty("duplicates").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task Of_many_that_come_at_once_one_is_the_first()
    {
        var source = await Server.CreateSource();

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Server.DeliverGitHub(source, $"d-{i % 4}")));

        answers.ShouldAllBe(answer => answer.Status == 200);
        answers.Count(answer => !answer.Body.GetProperty("duplicate").GetBoolean()).ShouldBe(4);
        var events = await Server.Events(source, "&limit=250");
        var firsts = events.Where(item => item.GetProperty("duplicateOf").ValueKind is JsonValueKind.Null).ToDictionary(item => item.GetProperty("eventId").GetString()!);
        firsts.Count.ShouldBe(4);
        events.Where(item => item.GetProperty("duplicateOf").ValueKind is JsonValueKind.String).ShouldAllBe(item =>
            firsts[item.GetProperty("duplicateOf").GetString()!].GetProperty("vendorEventId").GetString() == item.GetProperty("vendorEventId").GetString());
    }

    [Fact]
    public async Task A_forged_event_makes_no_genuine_one_a_duplicate()
    {
        var source = await Server.CreateSource();
        (await Server.DeliverGitHub(source, "d-1", secret: "forged")).Expect(401);
        (await Server.DeliverGitHub(source, "d-1", secret: "forged")).Expect(401);

        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();

        (await Server.Events(source, "&signatureStatus=failed")).ShouldAllBe(item => item.GetProperty("duplicateOf").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public async Task What_could_not_be_checked_makes_no_verified_event_a_duplicate_but_may_be_one()
    {
        var source = await Server.CreateSource(secret: null);
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse("the earlier ones anyone could have sent");
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();

        (await Server.Raw(HttpMethod.Patch, $"/api/v1/ingest/sources/{source.Id()}", """{"signingSecret":null}""")).Expect(200);
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Without_an_id_the_same_type_and_bytes_are_marked()
    {
        var source = await Server.CreateSource("custom", new { verification = new { algorithm = "token", header = "X-Token", eventTypePath = "header:X-Type" } }, "t");
        async Task<bool> IsDuplicate(string body, string type) =>
            (await Server.Deliver(source.Path(), System.Text.Encoding.UTF8.GetBytes(body), "application/json", null, ("X-Token", "t"), ("X-Type", type))).Expect(200).Body.GetProperty("duplicate").GetBoolean();

        (await IsDuplicate("""{"a":1}""", "x")).ShouldBeFalse();
        (await IsDuplicate("""{"a":1}""", "x")).ShouldBeTrue();
        (await IsDuplicate("""{"a": 1}""", "x")).ShouldBeFalse();
        (await IsDuplicate("""{"a":1}""", "y")).ShouldBeFalse();
    }

    [Fact]
    public async Task Sources_know_nothing_of_each_others_events()
    {
        var (one, two) = (await Server.CreateSource(), await Server.CreateSource());

        (await Server.DeliverGitHub(one, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        (await Server.DeliverGitHub(two, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
    }
}
