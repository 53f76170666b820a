using System.Text;
using System.Text.Json;
using Dapper;
using Hookway.Ingest.Anomalies;
using Hookway.Ingest.Verification;
using Hookway.Storage;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>Events that look otherwise than they always did.</summary>
public sealed class SchemaChangesTests : IAsyncLifetime
{
    private IssueScene _scene = null!;
    private int _sent;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_new_type_of_a_source_with_a_long_history_is_told_of_once()
    {
        var source = await Source();
        var off = await Source(new Dictionary<string, int?> { ["schema"] = null });
        await Learn([source, off], "order.paid");
        await Send(source, "order.shipped");
        await Send(off, "order.shipped");
        await _scene.Look();
        await Server.Restart(impatient: true);
        await Send(source, "order.shipped");
        await _scene.Pass(TimeSpan.FromMinutes(2));
        await Send(source, "order.shipped");
        await Send(source, "order.paid");

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("severity"), issue.Text("sourceId"), issue.Count()).ShouldBe(("schema_change", "info", source.Id(), 1));
        issue.Text("title").ShouldBe("custom feed sends events of a new type: order.shipped");
        await _scene.Pass(TimeSpan.FromDays(7.1));
        (await _scene.Issue("?kind=schema_change")).Text("status").ShouldBe("resolved");
        await Send(source, "order.shipped");
        (await _scene.Issues("?kind=schema_change&status=open")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Types_of_a_young_source_are_nothing_new_and_more_than_a_hundred_are_not_kept()
    {
        var source = await Source();
        for (var i = 0; i < 120; i++)
        {
            await Send(source, $"type.{i}");
        }
        (await _scene.Issues()).ShouldBeEmpty();
        (await Server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<long>("SELECT count(*) FROM source_shapes"))).ShouldBe(100);
        await _scene.Pass(TimeSpan.FromDays(8));
        await Send(source, "type.last");
        (await _scene.Issues("?kind=schema_change")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_field_that_was_always_there_is_missed_when_it_has_vanished_and_until_it_is_back()
    {
        var source = await Source();
        await Learn([source], "order.paid");
        await Sample(source, 4, new { id = 1, total = (object?)null, items = new[] { new { sku = "a" } } });
        await _scene.Look();
        await Server.Restart(impatient: true);
        (await _scene.Issues()).ShouldBeEmpty("what is null is there, whatever it would hold; and four are not many");
        await Sample(source, 1, Body);
        await Sample(source, 4, new { id = 1, total = new { currency = "EUR" }, items = new[] { new { sku = "a" } } });
        (await _scene.Issues()).ShouldBeEmpty("it had been there once more");
        await Sample(source, 1, Body);
        await Sample(source, 5, new { id = 1, items = Array.Empty<object>() });

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Text("severity"), issue.Count()).ShouldBe(("schema_change", "warning", 1));
        issue.Text("title").ShouldBe("custom feed: total is missing in events of the type order.paid", "what stood in it went with it, and an empty list says nothing of its items");
        await Sample(source, 6, new { id = 1, items = Array.Empty<object>() });
        (await _scene.Issue()).Count().ShouldBe(1);
        await Sample(source, 1, Body);
        (await _scene.Issue()).Text("detail").ShouldEndWith("It is there again.");
    }

    [Fact]
    public async Task Another_version_of_the_vendors_API_is_told_of_once_and_versions_that_alternate_are_not()
    {
        var source = await Server.CreateSource("stripe", secret: null);
        async Task Stripe(string version)
        {
            (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(new { id = $"evt_{_sent++}", type = "charge.succeeded", api_version = version, data = new { @object = new { id = "ch_1" } } }))).Expect(200);
            await _scene.Pass(TimeSpan.FromMinutes(11));
        }
        await Stripe("2023-10-16");
        await Stripe("2023-10-16");
        (await _scene.Issues()).ShouldBeEmpty();
        await Stripe("2024-04-10");
        await Server.Restart(impatient: true);
        await Stripe("2023-10-16");
        await Stripe("2024-04-10");

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Count()).ShouldBe(("schema_change", 1));
        issue.Text("title").ShouldBe("stripe feed writes its events by version 2024-04-10 of its API");
        issue.Text("detail").ShouldStartWith("Before it was 2023-10-16.");
        await _scene.Pass(TimeSpan.FromDays(7.1));
        (await _scene.Issue("?kind=schema_change")).Text("status").ShouldBe("resolved");
    }

    [Theory]
    [InlineData("application/json", """{"a":1,"b":{"c":null,"d":[{"e":1},{"f":[]}]},"g.h":1,"i":{}}""", "a b b.c b.d b.d[*] b.d[*].e b.d[*].f i", "b.c b.d[*].f i")]
    [InlineData("application/json", """[{"a":1},{"b":1}]""", "[*] [*].a [*].b", "")]
    [InlineData("application/json", """{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}""", "a a.b a.b.c a.b.c.d a.b.c.d.e", "a.b.c.d.e")]
    [InlineData("application/x-www-form-urlencoded", "Body=x&From=y", "Body From", "")]
    public void The_shape_of_a_body_is_its_paths(string contentType, string body, string paths, string closed)
    {
        var shape = BodyShape.Of(new VendorRequest("POST", "https://a.example/", [new("Content-Type", contentType)], Encoding.UTF8.GetBytes(body), DateTimeOffset.UnixEpoch))!;
        string.Join(' ', shape.Paths.Order(StringComparer.Ordinal)).ShouldBe(paths);
        string.Join(' ', shape.Closed.Order(StringComparer.Ordinal)).ShouldBe(closed);
        shape.IsCut.ShouldBeFalse();
    }

    [Fact]
    public void A_body_with_very_many_fields_is_looked_at_in_part_and_says_nothing_of_what_is_missing()
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, 1_000).ToDictionary(i => $"field{i}", i => i));
        var shape = BodyShape.Of(new VendorRequest("POST", "https://a.example/", [], body, DateTimeOffset.UnixEpoch))!;
        (shape.Paths.Count, shape.IsCut, shape.Lacks("other")).ShouldBe((BodyShape.MostPaths, true, false));
    }

    [Fact]
    public async Task Two_that_watch_by_turns_know_what_the_other_learned()
    {
        var source = await Source();
        await Learn([source], "order.paid");
        var other = ActivatorUtilities.CreateInstance<LedgerWatch>(Server.Services);
        await TestServer.Until(async () => !await other.Step(_scene.Clock.GetUtcNow()) && other.CaughtUpTo >= _scene.Clock.GetUtcNow());
        await Send(source, "order.shipped");
        await _scene.Look();
        await Send(source, "order.shipped");
        await TestServer.Until(async () => !await other.Step(_scene.Clock.GetUtcNow()) && other.CaughtUpTo >= _scene.Clock.GetUtcNow());
        (await _scene.Issue()).Count().ShouldBe(1);
    }

    private static object Body => new { id = 1, total = new { currency = "EUR", cents = 100 }, items = new[] { new { sku = "a" } } };

    /// <summary>More than a week of events of a type, each far enough from the next to be looked at.</summary>
    private async Task Learn(JsonElement[] sources, string type)
    {
        for (var i = 0; i < 56; i++)
        {
            foreach (var source in sources)
            {
                await Send(source, type);
            }
            await _scene.Pass(TimeSpan.FromHours(3.1));
        }
        (await _scene.Issues()).ShouldBeEmpty();
    }

    private async Task Sample(JsonElement source, int times, object body)
    {
        for (var i = 0; i < times; i++)
        {
            await Send(source, "order.paid", body);
            await _scene.Pass(TimeSpan.FromMinutes(11));
        }
    }

    private Task<JsonElement> Source(Dictionary<string, int?>? expectations = null) => Server.CreateSource("custom", new
    {
        verification = new { algorithm = "token", header = "X-Token", eventIdPath = "header:X-Id", eventTypePath = "header:X-Type" }, expectations,
    }, "t0ken");

    private async Task Send(JsonElement source, string type, object? body = null) => (await Server.Deliver(
        source.Path(), JsonSerializer.SerializeToUtf8Bytes(body ?? Body), headers: [("X-Token", "t0ken"), ("X-Id", $"{_sent++}"), ("X-Type", type)])).Expect(200);
}
