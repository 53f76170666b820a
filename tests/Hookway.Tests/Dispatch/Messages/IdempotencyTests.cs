using Hookway.Storage;
using Dapper;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Messages;

public class IdempotencyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_send_without_a_key_keeps_nothing_to_compare_with()
    {
        await using var server = await TestServer.Start();
        await server.Send(await server.CreateApp());
        (await server.Services.GetRequiredService<Database>().Read(connection =>
            connection.ExecuteScalarAsync<long>("SELECT count(*) FROM messages WHERE content_hash IS NULL"))).ShouldBe(1);
    }

    [Fact]
    public async Task A_callers_own_id_becomes_the_messages_id_and_a_repeat_resolves_to_it()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);

        var first = await Send(app, new { messageId = "inv:1|paid@x-_Z", data = new { a = 1 } });
        first.Expect(202).Text("messageId").ShouldBe("inv:1|paid@x-_Z");
        await Server.WaitForMessage(app, first.Text("messageId"), "succeeded");
        var repeat = await Send(app, new { messageId = "inv:1|paid@x-_Z", data = new { a = 1 } });

        repeat.Expect(202).Text("messageId").ShouldBe("inv:1|paid@x-_Z");
        repeat.Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        repeat.Text("status").ShouldBe("succeeded");
        repeat.Text("createdAt").ShouldBe(first.Text("createdAt"));
        repeat.Body.TryGetProperty("data", out _).ShouldBeFalse();
        (await receiver.WaitFor(1))[0].Headers["webhook-id"].ShouldBe("inv:1|paid@x-_Z");
        await OneMessageOneDelivery(app, receiver);
    }

    [Fact]
    public async Task An_idempotency_key_in_the_body_and_in_the_header_is_the_same()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);

        var first = (await Send(app, new { idempotencyKey = "k 1".Replace(' ', '-') })).Expect(202);
        var byHeader = (await Send(app, new { }, "k-1")).Expect(202);
        var both = (await Send(app, new { idempotencyKey = "k-1" }, "k-1")).Expect(202);

        first.Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        foreach (var repeat in new[] { byHeader, both })
        {
            repeat.Text("messageId").ShouldBe(first.Text("messageId"));
            repeat.Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        }
        (await Send(app, new { idempotencyKey = "k-1" }, "k-2")).ExpectInvalid("idempotencyKey");
        (await Send(app, new { }, "k-2")).Expect(202).Text("messageId").ShouldNotBe(first.Text("messageId"));
    }

    [Theory]
    [InlineData("""{"recipient":"customer_2","type":"invoice.paid","data":{"a":1}""")]
    [InlineData("""{"recipient":"customer_1","type":"order.made","data":{"a":1}""")]
    [InlineData("""{"recipient":"customer_1","type":"invoice.paid","data":{"a":2}""")]
    [InlineData("""{"recipient":"customer_1","type":"invoice.paid","data":{"a":1.0}""")]
    [InlineData("""{"recipient":"customer_1","type":"invoice.paid","data":{"a": 1}""")]
    [InlineData("""{"recipient":"customer_1","type":"invoice.paid" """)]
    public async Task Another_content_under_a_used_key_is_a_mismatch(string other)
    {
        var app = await Server.CreateApp("invoice.paid", "order.made");
        foreach (var key in new[] { "\"messageId\":\"m1\"", "\"idempotencyKey\":\"k1\"" })
        {
            var path = $"/api/v1/apps/{app}/messages";
            (await Server.Raw(HttpMethod.Post, path, """{"recipient":"customer_1","type":"invoice.paid","data":{"a":1},""" + key + "}")).Expect(202);
            (await Server.Raw(HttpMethod.Post, path, other + "," + key + "}")).ExpectCode(400, "idempotency_mismatch");
            (await Server.Raw(HttpMethod.Post, path, "{" + key + ""","data":{"a":1}, "type":"invoice.paid","recipient":"customer_1"}""")).Expect(202)
                .Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        }
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(2);
    }

    [Fact]
    public async Task A_key_given_with_the_id_of_a_known_message_stands_for_it_from_then_on()
    {
        var app = await Server.CreateApp();
        (await Send(app, new { messageId = "m1" })).Expect(202);

        (await Send(app, new { messageId = "m1", idempotencyKey = "k1" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();

        var again = (await Send(app, new { idempotencyKey = "k1" })).Expect(202);
        (again.Text("messageId"), again.Body.GetProperty("duplicate").GetBoolean()).ShouldBe(("m1", true));
        (await Send(app, new { idempotencyKey = "k1", data = 5 })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { messageId = "m2", idempotencyKey = "k1" })).ExpectCode(400, "idempotency_mismatch");
        // A send that is refused leaves no key behind.
        (await Send(app, new { messageId = "m1", idempotencyKey = "k2", data = 5 })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { idempotencyKey = "k2" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        // The same in one transaction, where the message has no number yet when the key comes.
        object Message(string? messageId, string? key) => new { recipient = "customer_1", type = "invoice.paid", data = 4, messageId, idempotencyKey = key };
        var results = (await Server.Post($"/api/v1/apps/{app}/messages/batch", new { messages = new[] { Message("m3", null), Message("m3", "k3"), Message(null, "k3") } })).Expect(202);
        results.Body.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("messageId").GetString()).ShouldBe(["m3", "m3", "m3"]);
        (await Server.Post($"/api/v1/apps/{app}/messages", Message(null, "k3"))).Expect(202).Text("messageId").ShouldBe("m3");
    }

    [Fact]
    public async Task Two_keys_that_point_to_different_messages_are_a_mismatch()
    {
        var app = await Server.CreateApp();
        (await Send(app, new { messageId = "m1" })).Expect(202);
        (await Send(app, new { messageId = "m2", idempotencyKey = "k2" })).Expect(202);
        (await Send(app, new { idempotencyKey = "k3" })).Expect(202);

        (await Send(app, new { messageId = "m1", idempotencyKey = "k2" })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { messageId = "m1", idempotencyKey = "k3" })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { messageId = "m9", idempotencyKey = "k3" })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { messageId = "m2", idempotencyKey = "k2" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await Send(app, new { idempotencyKey = "k2" })).Expect(202).Text("messageId").ShouldBe("m2");
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(3);
    }

    [Fact]
    public async Task A_key_that_came_with_a_repeat_is_known_from_then_on()
    {
        var app = await Server.CreateApp();
        (await Send(app, new { messageId = "m1" })).Expect(202);
        (await Send(app, new { messageId = "m1", idempotencyKey = "k1" })).Expect(202).Text("messageId").ShouldBe("m1");
        (await Send(app, new { messageId = "m1", idempotencyKey = "k1" })).Expect(202).Text("messageId").ShouldBe("m1");
    }

    [Fact]
    public async Task The_key_check_comes_before_the_publication_check()
    {
        var app = await Server.CreateApp();
        (await Send(app, new { messageId = "m1" })).Expect(202);
        (await Send(app, new { idempotencyKey = "k1" })).Expect(202);
        (await Server.Delete($"/api/v1/apps/{app}/event-types/invoice.paid")).Expect(200);

        (await Send(app, new { messageId = "m1" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await Send(app, new { idempotencyKey = "k1" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await Send(app, new { messageId = "m1", data = 5 })).ExpectCode(400, "idempotency_mismatch");
        (await Send(app, new { messageId = "m2" })).ExpectCode(400, "event_type_not_published");
    }

    [Fact]
    public async Task Keys_of_another_app_are_other_keys()
    {
        var a = await Server.CreateApp();
        var b = await Server.CreateApp();
        foreach (var app in new[] { a, b })
        {
            (await Send(app, new { messageId = "same", idempotencyKey = "same" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Fifty_concurrent_duplicates_are_one_message_and_one_delivery(bool byId)
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => byId
            ? Send(app, new { messageId = "once", data = new { a = 1 } })
            : Send(app, new { data = new { a = 1 } }, "once")));

        answers.ShouldAllBe(answer => answer.Status == 202);
        answers.Select(answer => answer.Text("messageId")).Distinct().Count().ShouldBe(1);
        answers.Count(answer => !answer.Body.GetProperty("duplicate").GetBoolean()).ShouldBe(1);
        await Server.WaitForMessage(app, answers[0].Text("messageId"), "succeeded");
        await OneMessageOneDelivery(app, receiver);
    }

    [Fact]
    public async Task Fifty_concurrent_different_contents_under_one_key_store_one()
    {
        var app = await Server.CreateApp();
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Send(app, new { messageId = "once", data = new { i } })));

        answers.Count(answer => answer.Status == 202).ShouldBe(1);
        answers.Where(answer => answer.Status != 202).ShouldAllBe(answer => answer.Status == 400 && answer.Text("code") == "idempotency_mismatch");
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(1);
    }

    [Fact]
    public async Task Keys_outlive_a_restart_and_idempotency_keys_end_after_24_hours()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        async Task<Answer> Again(object keys) => await Send(app, keys, server: server);
        var byId = (await Again(new { messageId = "m1" })).Expect(202).Text("messageId");
        var byKey = (await Again(new { idempotencyKey = "k1" })).Expect(202).Text("messageId");

        await server.Restart();
        clock.Advance(TimeSpan.FromHours(23.9));
        (await Again(new { messageId = "m1" })).Expect(202).Text("messageId").ShouldBe(byId);
        (await Again(new { idempotencyKey = "k1" })).Expect(202).Text("messageId").ShouldBe(byKey);
        clock.Advance(TimeSpan.FromHours(0.2));
        (await Again(new { messageId = "m1" })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        var fresh = (await Again(new { idempotencyKey = "k1" })).Expect(202);
        fresh.Text("messageId").ShouldNotBe(byKey);
        (await Again(new { idempotencyKey = "k1" })).Expect(202).Text("messageId").ShouldBe(fresh.Text("messageId"));
    }

    private async Task<Answer> Send(string app, object keys, string? header = null, TestServer? server = null)
    {
        var body = System.Text.Json.JsonSerializer.SerializeToNode(keys)!.AsObject();
        body["recipient"] = "customer_1";
        body["type"] = "invoice.paid";
        (string, string)[] headers = header is null ? [] : [("Idempotency-Key", header)];
        return await (server ?? Server).Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", body.ToJsonString(), TestServer.EverythingKey, headers);
    }

    private async Task OneMessageOneDelivery(string app, ReceiverStub receiver)
    {
        var only = (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldHaveSingleItem();
        only.GetProperty("deliveries").GetArrayLength().ShouldBe(1);
        // A later message goes the same way, so a doubled delivery before it would have arrived by now.
        var after = await Server.Send(app);
        await Server.WaitForMessage(app, after, "succeeded");
        receiver.Count.ShouldBe(2);
        (await Server.Attempts(app, only.GetProperty("messageId").GetString()!)).Length.ShouldBe(1);
    }
}
