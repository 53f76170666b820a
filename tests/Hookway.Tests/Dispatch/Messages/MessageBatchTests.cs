using System.Text;
using System.Text.Json;
using Dapper;
using Hookway.Dispatch.Messages;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class MessageBatchTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string OfApp = "FROM messages m JOIN apps a ON a.no = m.app_no WHERE a.id = @app";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Good_items_go_in_and_are_delivered_and_a_bad_one_is_a_problem_in_its_place()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { ordered = true });
        string[] items =
        [
            """{"recipient":"customer_1","type":"invoice.paid","data":{"n":0}}""",
            """{"recipient":"customer_1","type":"invoice.paid","data":{"n":1},"extra":1}""",
            """{"recipient":"customer_1","type":"invoice.paid","data":{"n":2},"messageId":"own-2"}""",
            """{"recipient":"customer_1","type":"never","data":{"n":3}}""",
            "7",
            $$"""{"recipient":"customer_1","type":"invoice.paid","data":{{new string('[', 100)}}{{new string(']', 100)}}}""",
            """{"recipient":"customer_1","type":"invoice.paid","recipient":"customer_2"}""",
            """ {"recipient":"customer_1" , "type":"invoice.paid","data":  {"n" : 7} } """,
        ];

        var sent = (await Batch(app, items)).Expect(202);

        var results = sent.Body.GetProperty("results").EnumerateArray().ToList();
        results.Select(Outcome).ShouldBe(["id", "invalid_request", "id", "event_type_not_published", "invalid_json", "invalid_request", "invalid_request", "id"]);
        results[1].GetProperty("errors").TryGetProperty("extra", out _).ShouldBeTrue();
        results[5].GetProperty("errors").TryGetProperty("data", out _).ShouldBeTrue();
        results[1].GetProperty("status").GetInt32().ShouldBe(400);
        results[1].GetProperty("requestId").GetString().ShouldBe(sent.Headers.GetValues("Request-Id").Single());
        results[2].GetProperty("messageId").GetString().ShouldBe("own-2");
        (await receiver.WaitFor(3)).Select(request => DataOf(request.Body)).ShouldBe(["""{"n":0}""", """{"n":2}""", """{"n" : 7}"""]);
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Select(item => item.GetProperty("messageId").GetString())
            .ShouldBe(results.Where(item => Outcome(item) == "id").Select(item => item.GetProperty("messageId").GetString()).Reverse());
    }

    [Fact]
    public async Task All_that_is_sent_together_is_accepted_in_its_order_and_in_one_commit()
    {
        var app = await Server.CreateApp();
        var ids = Enumerable.Range(0, MessageBatch.MostMessages).Select(i => $"item-{i}").ToList();
        var seen = new HashSet<long>();
        var database = Server.Services.GetRequiredService<Database>();

        var sending = Batch(app, [.. ids.Select(id => $$"""{"recipient":"customer_{{id.Length}}","type":"invoice.paid","messageId":"{{id}}"}""")]);
        while (!sending.IsCompleted)
        {
            seen.Add(await database.Read(connection => connection.ExecuteScalarAsync<long>($"SELECT count(*) {OfApp}", new { app })));
        }

        (await sending).Expect(202).Body.GetProperty("results").EnumerateArray().Select(item => item.GetProperty("messageId").GetString()).ShouldBe(ids);
        seen.ShouldBeSubsetOf([0, ids.Count]);
        (await database.Read(connection => connection.QueryAsync<string>($"SELECT m.id {OfApp} ORDER BY m.seq", new { app }))).ShouldBe(ids);
    }

    [Fact]
    public async Task A_key_repeated_in_a_batch_or_from_before_is_the_first_message()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", messageId = "before" })).Expect(202);
        await receiver.WaitFor(1);

        var results = (await Batch(
            app,
            """{"recipient":"customer_1","type":"invoice.paid","messageId":"a","data":1}""",
            """{"recipient":"customer_1","type":"invoice.paid","messageId":"a","data":1}""",
            """{"recipient":"customer_1","type":"invoice.paid","messageId":"a","data":2}""",
            """{"recipient":"customer_1","type":"invoice.paid","messageId":"before"}""",
            """{"recipient":"customer_1","type":"invoice.paid","idempotencyKey":"k"}""",
            """{"recipient":"customer_1","type":"invoice.paid","idempotencyKey":"k"}""")).Expect(202).Body.GetProperty("results");

        results.EnumerateArray().Select(Outcome).ShouldBe(["id", "duplicate", "idempotency_mismatch", "duplicate", "id", "duplicate"]);
        results[1].GetProperty("messageId").GetString().ShouldBe("a");
        results[5].GetProperty("messageId").GetString().ShouldBe(results[4].GetProperty("messageId").GetString());
        await Server.WaitForMessage(app, results[4].GetProperty("messageId").GetString()!, "succeeded");
        await Server.WaitForMessage(app, "a", "succeeded");
        receiver.Requests.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Routing_keys_and_the_payload_limit_hold_for_each_item()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:PayloadBytes"] = "1024" });
        var app = await server.CreateApp();
        (await server.Patch($"/api/v1/apps/{app}", new { routingKeyBodyPath = "items[0].id" })).Expect(200);
        var results = (await server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", $$$"""
            {"messages":[{"type":"invoice.paid","data":{"items":[{"id":42}]}},{"type":"invoice.paid","data":{}},
             {"type":"invoice.paid","recipient":"b","data":"{{{new string('x', 1022)}}}"},{"type":"invoice.paid","recipient":"b","data":"{{{new string('x', 1023)}}}"}]}
            """)).Expect(202).Body.GetProperty("results");
        results.EnumerateArray().Select(Outcome).ShouldBe(["id", "invalid_request", "id", "payload_too_large"]);
        results[3].GetProperty("status").GetInt32().ShouldBe(413);
        results[1].GetProperty("errors").TryGetProperty("recipient", out _).ShouldBeTrue();
        (await server.Get($"/api/v1/apps/{app}/messages?recipient=42")).Items.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("""{}""", "messages")]
    [InlineData("""{"messages":null}""", "messages")]
    [InlineData("""{"messages":[]}""", "messages")]
    [InlineData("""{"messages":{"a":1}}""", "messages")]
    [InlineData("""{"messages":[{}],"messages":[{}]}""", "messages")]
    [InlineData("""{"messages":[{}],"atomic":true}""", "atomic")]
    public async Task A_request_that_is_no_batch_is_refused_as_a_whole(string body, string field)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", body)).ExpectInvalid(field);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("""{"messages":[{"recipient":"a","type":"invoice.paid"},{]}""")]
    [InlineData("""{"messages":[{"recipient":"a","type":"invoice.paid"}]} x""")]
    [InlineData("""{"messages":[{"recipient":"a","type":"invoice.paid"}]""")]
    public async Task What_is_not_JSON_is_refused_as_a_whole_and_nothing_is_kept(string body)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", body)).ExpectCode(400, "invalid_json");
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Too_many_too_large_keyed_by_a_header_or_for_no_app_is_refused()
    {
        var app = await Server.CreateApp();
        const string Item = """{"recipient":"a","type":"invoice.paid"}""";
        (await Batch(app, [.. Enumerable.Repeat(Item, MessageBatch.MostMessages + 1)])).ExpectInvalid("messages");
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", $$"""{"messages":[{{Item}}]}""" + new string(' ', MessageBatch.MostBytes))).ExpectCode(413, "payload_too_large");
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", $$"""{"messages":[{{Item}}]}""", headers: ("Idempotency-Key", "k"))).ExpectInvalid("Idempotency-Key");
        (await Batch("app_00000000000000000000000000", Item)).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
        (await Server.Delete($"/api/v1/apps/{app}")).Expect(200);
        (await Batch(app, Item)).Expect(404);
    }

    private Task<Answer> Batch(string app, params string[] items) =>
        Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", $$"""{"messages":[{{string.Join(',', items)}}]}""");

    private static string Outcome(JsonElement result) =>
        !result.TryGetProperty("messageId", out _) ? result.GetProperty("code").GetString()!
        : result.GetProperty("duplicate").GetBoolean() ? "duplicate" : "id";

    private static string DataOf(byte[] body) => Encoding.UTF8.GetString(body).Split("\"data\":", 2)[1][..^1];
}
