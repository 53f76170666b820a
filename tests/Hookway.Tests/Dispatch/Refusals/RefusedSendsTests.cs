using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Refusals;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Refusals;

public class RefusedSendsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task What_was_refused_is_listed_with_what_support_needs_and_without_its_data()
    {
        var app = await Server.CreateApp();
        var answers = new List<Answer>
        {
            await Send(app, """{"recipient":"customer_1","type":"never","messageId":"own-1","data":{"secret":"s3cret"}}"""),
            await Send(app, """{"recipient":"customer_1","type":"invoice.paid","extra":"s3cret"}"""),
            await Send(app, """{"recipient":"not an id","type":"invoice.paid"}"""),
            await Send(app, """{"type":"invoice.paid","""),
            await Send(app, $$"""{"recipient":"customer_2","type":"invoice.paid","data":"{{new string('x', 1_048_576)}}"}"""),
            await Send(app, $$"""{"recipient":"customer_2","type":"invoice.paid","data":"{{new string('x', 1_200_000)}}"}"""),
        };

        var listed = await Refused(app);

        listed.Items.Select(Brief).Reverse().ShouldBe(
        [
            "customer_1 never own-1 400 event_type_not_published", "customer_1 invoice.paid - 400 invalid_request", "not an id invoice.paid - 400 invalid_request",
            "- - - 400 invalid_json", "customer_2 invoice.paid - 413 payload_too_large", "- - - 413 payload_too_large",
        ]);
        listed.Items.Reverse().Zip(answers).ShouldAllBe(pair =>
            Text(pair.First, "requestId") == pair.Second.Headers.GetValues("Request-Id").Single() && Text(pair.First, "detail") == pair.Second.Text("detail"));
        listed.Body.GetRawText().ShouldNotContain("s3cret");
        listed.Body.GetProperty("total").GetInt64().ShouldBe(6);
        listed.Body.GetProperty("counts").GetRawText().ShouldBe("""{"event_type_not_published":1,"invalid_json":1,"invalid_request":2,"payload_too_large":2}""");
    }

    [Fact]
    public async Task Every_way_to_be_refused_is_counted_and_nothing_else()
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/strict", """{"schema":{"type":"object"}}""")).Expect(201);
        (await Send(app, """{"recipient":"a","type":"invoice.paid","messageId":"m","data":1}""")).Expect(202);
        (await Send(app, """{"recipient":"a","type":"invoice.paid","messageId":"m","data":1}""")).Expect(202);

        (await Send(app, """{"recipient":"a","type":"invoice.paid","messageId":"m","data":2}""")).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, """{"recipient":"a","type":"strict","data":2}""")).ExpectCode(400, "schema_mismatch");
        (await Send(app, """{"recipient":"a","type":"strict","messageId":"n","data":2}""")).ExpectCode(400, "schema_mismatch");
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", """
            {"messages":[{"recipient":"b","type":"invoice.paid"},{"recipient":"c","type":"never"},{"recipient":"d","type":"never","messageId":"x"},5]}
            """)).Expect(202);
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", """{"messages":[]}""")).Expect(400);
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", "{}", key: "hwk_000000000000000000000000000000")).Expect(401);
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", "{}", key: await Server.CreateKey([Scopes.MessageRead]))).Expect(403);

        var listed = await Refused(app);
        listed.Items.Select(Brief).ShouldBe(
        [
            "- - - 400 invalid_request", "- - - 400 invalid_json", "d never x 400 event_type_not_published", "c never - 400 event_type_not_published",
            "a strict n 400 schema_mismatch", "a strict - 400 schema_mismatch", "a invoice.paid m 400 idempotency_mismatch",
        ], ignoreOrder: true);
        listed.Body.GetProperty("total").GetInt64().ShouldBe(7);

        (await Server.Delete($"/api/v1/apps/{app}")).Expect(200);
        (await Send(app, """{"recipient":"a","type":"invoice.paid"}""")).Expect(404);
        (await Refused(app)).Body.GetProperty("counts").GetProperty("not_found").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task The_list_filters_pages_and_keeps_workspaces_apart()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        var other = await server.CreateApp();
        for (var i = 0; i < 6; i++)
        {
            (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = $"r{i % 2}", type = $"t{i % 3}" })).Expect(400);
            clock.Advance(TimeSpan.FromSeconds(1));
        }
        async Task<IEnumerable<string>> List(string query) => (await server.Get($"/api/v1/apps/{app}/refused-messages?{query}")).Expect(200).Items.Select(item => $"{Text(item, "recipient")} {Text(item, "type")}");

        (await List("")).ShouldBe(["r1 t2", "r0 t1", "r1 t0", "r0 t2", "r1 t1", "r0 t0"]);
        (await List("recipient=r0")).ShouldBe(["r0 t1", "r0 t2", "r0 t0"]);
        (await List("type=t1&recipient=r1")).ShouldBe(["r1 t1"]);
        (await List("since=2026-03-01T12:00:04Z")).ShouldBe(["r1 t2", "r0 t1"]);
        var first = (await server.Get($"/api/v1/apps/{app}/refused-messages?limit=4")).Expect(200);
        (await List($"limit=4&cursor={first.Text("nextCursor")}")).ShouldBe(["r1 t1", "r0 t0"]);
        (await server.Get($"/api/v1/apps/{app}/refused-messages?until=2026-03-01T12:00:04Z")).ExpectInvalid("until");
        (await server.Get($"/api/v1/apps/{app}/refused-messages?since=x")).ExpectInvalid("since");
        (await server.Get($"/api/v1/apps/{other}/refused-messages")).Expect(200).Items.ShouldBeEmpty();
        (await server.Get($"/api/v1/apps/{app}/refused-messages", await server.CreateWorkspace())).Expect(404);
        (await server.Get($"/api/v1/apps/{app}/refused-messages", await server.CreateKey([Scopes.MessageWrite]))).Expect(403);
    }

    [Fact]
    public async Task Of_a_flood_all_are_counted_and_the_last_thousand_are_kept()
    {
        var app = (await Server.Services.GetRequiredService<AppStore>().View(await Server.Caller(), await Server.CreateApp()))!.App;
        var (refused, store) = (Server.Services.GetRequiredService<RefusedSends>(), Server.Services.GetRequiredService<RefusedSendStore>());
        const int Many = 30 * RefusedSends.MostOfOwner;
        for (var i = 0; i < Many; i++)
        {
            refused.Note(app, Problem.NotFound("app"), new SendGlimpse($"r{i}", null, null), "req");
            if ((i + 1) % RefusedSends.MostOfOwner == 0)
            {
                await refused.Flush();
            }
        }

        (await store.Counts(app))["not_found"].ShouldBe(Many);
        var kept = await store.List(app, null, null, null, long.MaxValue, 2_000);
        kept.Select(send => send.Recipient).ShouldBe(Enumerable.Range(Many - RefusedSendStore.Kept, RefusedSendStore.Kept).Reverse().Select(i => $"r{i}"));
        (await Stored(app)).ShouldBeLessThan(RefusedSendStore.Kept + 200);
        for (var i = 0; i < 3 * RefusedSends.MostOfOwner; i++)
        {
            refused.Note(app, Problem.NotFound("app"), null, "req");
        }
        await refused.Flush();
        (await store.Counts(app))["not_found"].ShouldBe(Many + (3 * RefusedSends.MostOfOwner));
    }

    [Fact]
    public async Task What_was_noted_outlives_a_stop_of_the_server()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "never" })).Expect(400);
        (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "b", type = "never" })).Expect(400);
        await server.Restart();
        (await server.Get($"/api/v1/apps/{app}/refused-messages")).Expect(200).Items.Length.ShouldBe(2);
    }

    [Fact]
    public async Task Texts_that_no_store_can_hold_are_kept_without_what_is_wrong_with_them()
    {
        var app = await Server.CreateApp();
        (await Send(app, $$"""{"recipient":"a\u0000b","type":"{{new string('t', 127)}}😀","messageId":"\ud83d\ude00"}""")).Expect(400);
        var item = (await Refused(app)).Items.ShouldHaveSingleItem();
        Text(item, "recipient").ShouldBe("a\uFFFDb");
        Text(item, "type").ShouldBe(new string('t', 127));
        Text(item, "messageId").ShouldBe("😀");
    }

    [Fact]
    public async Task A_purge_erases_what_was_refused_of_the_recipient()
    {
        var app = await Server.CreateApp();
        await Server.Send(app, recipient: "gone");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "gone", type = "never" })).Expect(400);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "stays", type = "never" })).Expect(400);
        (await Server.Delete($"/api/v1/apps/{app}/recipients/gone?purge=true")).Expect(200);
        var listed = await Refused(app);
        listed.Items.Select(item => Text(item, "recipient")).ShouldBe(["stays"]);
        listed.Body.GetProperty("total").GetInt64().ShouldBe(2);
    }

    /// <summary>What memory refuses or routes is judged again by what another node has changed: here, one with views of its own on the same store.</summary>
    [Fact]
    public async Task A_send_is_judged_by_what_was_changed_elsewhere_before_it_began()
    {
        var database = Server.Services.GetRequiredService<Database>();
        var elsewhere = new Configuration(database);
        await elsewhere.Start();
        var id = await Server.CreateApp();
        (await Server.Patch($"/api/v1/apps/{id}", new { routingKeyBodyPath = "before" })).Expect(200);
        (await Send(id, """{"type":"invoice.paid","data":{"before":"a","after":"b"}}""")).Expect(202).Text("recipient").ShouldBe("a");
        var caller = await Server.Caller();
        var app = (await Server.Services.GetRequiredService<AppStore>().View(caller, id))!.App;

        await new EventTypeStore(database, elsewhere, TimeProvider.System).Publish(app, caller.Actor, "new", null, null);
        (await Send(id, """{"recipient":"a","type":"new"}""")).Expect(202);

        var apps = new AppStore(
            database, elsewhere, Server.Services.GetRequiredService<WorkspaceStore>(), Server.Services.GetRequiredService<IdGenerator>(), TimeProvider.System);
        (await apps.Update(caller, id, changed => changed with { RoutingKeyBodyPath = "after" })).ShouldNotBeNull();
        (await Send(id, """{"type":"invoice.paid","data":{"before":"a","after":"b"}}""")).Expect(202).Text("recipient").ShouldBe("b");
        (await Refused(id)).Items.ShouldBeEmpty();
    }

    private Task<long> Stored(App app) => Server.Services.GetRequiredService<Database>().Read(connection =>
        connection.ExecuteScalarAsync<long>("SELECT count(*) FROM refused_messages WHERE app_no = @No", new { app.No }));

    private Task<Answer> Send(string app, string body) => Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", body);

    private async Task<Answer> Refused(string app) => (await Server.Get($"/api/v1/apps/{app}/refused-messages")).Expect(200);

    private static string Brief(JsonElement item) => $"{Text(item, "recipient")} {Text(item, "type")} {Text(item, "messageId")} {item.GetProperty("status")} {Text(item, "code")}";

    private static string Text(JsonElement item, string name) => item.GetProperty(name).GetString() ?? "-";
}
