using System.Text.Json;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Messages;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.EventTypes;

/// <summary>Event types with a schema, and the messages it lets through.</summary>
public class SchemaTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string AmountIsRequired = """{"type":"object","required":["amount"],"properties":{"amount":{"type":"integer","minimum":0}}}""";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_schema_is_shown_as_it_was_given_and_a_put_replaces_it()
    {
        var app = await Server.CreateApp();
        const string Schema = """{ "type" : "object",  "properties":{"n":{"minimum":1.50}} }""";

        (await Publish(app, Schema)).Expect(200).Body.GetProperty("schema").GetRawText().ShouldBe(Schema);
        (await Server.Get($"/api/v1/apps/{app}/event-types/invoice.paid")).Expect(200).Body.GetProperty("schema").GetRawText().ShouldBe(Schema);
        (await Server.Get($"/api/v1/apps/{app}/event-types")).Items.ShouldHaveSingleItem().GetProperty("schema").GetRawText().ShouldBe(Schema);
        (await Send(app, """{"n":1}""")).ExpectCode(400, "schema_mismatch");
        (await Server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { })).Expect(200).Body.GetProperty("schema").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Send(app, """{"n":1}""")).Expect(202);
    }

    [Fact]
    public async Task Data_that_does_not_match_is_refused_by_JSON_pointers_and_nothing_is_kept()
    {
        var app = await Server.CreateApp("invoice.paid", "other");
        (await Publish(app, AmountIsRequired)).Expect(200);

        var refused = (await Send(app, """{"amount":-1.5}""")).ExpectCode(400, "schema_mismatch");
        refused.Text("detail").ShouldBe("The data does not match the schema of invoice.paid: data/amount must be a whole number.");
        refused.Body.GetProperty("errors").GetRawText().ShouldBe("""{"/amount":["must be a whole number"]}""");
        (await Send(app, "{}")).ExpectCode(400, "schema_mismatch").ExpectInvalid("/amount");
        (await Send(app, "[]")).ExpectCode(400, "schema_mismatch").ExpectInvalid("");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "invoice.paid" })).ExpectCode(400, "schema_mismatch");
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();

        (await Send(app, """{"amount":1}""")).Expect(202);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "other", data = 5 })).Expect(202);
    }

    [Theory]
    [InlineData("""{"propertees":{}}""", "propertees")]
    [InlineData("""{"properties":{"a":{"$ref":"https://example.com/a.json"}}}""", "$ref https://example.com/a.json is remote")]
    [InlineData("""{"pattern":"(?=a)"}""", "(?=a)")]
    [InlineData("\"object\"", "must be a schema")]
    public async Task A_schema_that_cannot_be_used_is_refused_by_name_and_changes_nothing(string schema, string named)
    {
        var app = await Server.CreateApp();
        (await Publish(app, AmountIsRequired)).Expect(200);

        (await Publish(app, schema)).ExpectInvalid("schema").Body.GetProperty("errors").GetProperty("schema")[0].GetString().ShouldNotBeNull().ShouldContain(named);

        (await Server.Get($"/api/v1/apps/{app}/event-types/invoice.paid")).Expect(200).Body.GetProperty("schema").GetRawText().ShouldBe(AmountIsRequired);
    }

    [Fact]
    public async Task An_example_must_match_the_schema_that_it_is_given_with()
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/a", $$"""{"schema":{{AmountIsRequired}},"examplePayload":{"amount":"5"} }""")).ExpectInvalid("examplePayload/amount");
        (await Server.Get($"/api/v1/apps/{app}/event-types/a")).Expect(404);
        (await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/a", $$"""{"schema":{{AmountIsRequired}},"examplePayload":{"amount":5} }""")).Expect(201);
    }

    [Fact]
    public async Task The_key_check_comes_before_the_schema()
    {
        var app = await Server.CreateApp();
        async Task<Answer> SendKeyed(string id, int amount) => await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "invoice.paid", messageId = id, data = new { amount } });
        (await SendKeyed("one", -1)).Expect(202);
        (await Publish(app, AmountIsRequired)).Expect(200);

        (await SendKeyed("one", -1)).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await SendKeyed("one", -2)).ExpectCode(400, "idempotency_mismatch");
        (await SendKeyed("two", -1)).ExpectCode(400, "schema_mismatch");
        (await SendKeyed("two", 1)).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task In_a_batch_each_item_is_judged_by_the_schema_of_its_type()
    {
        var app = await Server.CreateApp("invoice.paid", "other");
        (await Publish(app, AmountIsRequired)).Expect(200);
        var results = (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", """
            {"messages":[{"recipient":"a","type":"invoice.paid","data":{}},{"recipient":"a","type":"other","data":{}},{"recipient":"a","type":"invoice.paid","data":{"amount":1}},
             {"recipient":"a","type":"invoice.paid","data":{"amount":"1"},"messageId":"keyed"}]}
            """)).Expect(202).Body.GetProperty("results");
        results.EnumerateArray().Select(item => item.TryGetProperty("code", out var code) ? code.GetString() : null).ShouldBe(["schema_mismatch", null, null, "schema_mismatch"]);
        results[0].GetProperty("errors").GetProperty("/amount")[0].GetString().ShouldBe("is required");
    }

    [Fact]
    public async Task A_test_message_is_sent_whatever_the_schema_says()
    {
        var app = await Server.CreateApp();
        (await Publish(app, AmountIsRequired)).Expect(200);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/test", new { type = "invoice.paid" })).Expect(202);
    }

    [Theory]
    [InlineData(null, AmountIsRequired, null, "schema_mismatch")]
    [InlineData(null, AmountIsRequired, "keyed", "schema_mismatch")]
    [InlineData(AmountIsRequired, null, "keyed", null)]
    [InlineData(AmountIsRequired, "true", "keyed", null)]
    public async Task A_change_of_the_schema_before_the_commit_is_heeded(string? before, string? after, string? messageId, string? code)
    {
        var app = await Server.CreateApp();
        (await Publish(app, before ?? "null")).Expect(200);
        var (intake, apps) = (Server.Services.GetRequiredService<MessageIntake>(), Server.Services.GetRequiredService<AppStore>());
        var caller = await Server.Caller();
        var view = (await apps.View(caller, app))!;
        var draft = new MessageDraft("a", "invoice.paid", "{}"u8.ToArray(), messageId, null, null);
        var (send, refused) = await intake.Resolve(caller, view, draft, DateTimeOffset.UnixEpoch);
        refused.ShouldBeNull();

        (await Publish(app, after ?? "null")).Expect(200);

        (await intake.AcceptTogether([send!])).ShouldHaveSingleItem().Problem?.Code.ShouldBe(code);
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(code is null ? 1 : 0);
    }

    private Task<Answer> Publish(string app, string schema) => Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/invoice.paid", $$"""{"schema":{{schema}}}""");

    private Task<Answer> Send(string app, string data) => Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", $$"""{"recipient":"a","type":"invoice.paid","data":{{data}}}""");
}
