using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class RoutingKeyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Theory]
    [InlineData("""{"recipient":"explicit","type":"t","data":{"customer":{"id":"path"}}}""", "header", "explicit")]
    [InlineData("""{"type":"t","data":{"customer":{"id":"path"}}}""", "header", "header")]
    [InlineData("""{"type":"t","data":{"customer":{"id":"path"}}}""", null, "path")]
    [InlineData("""{"type":"t","data":{"customer":{"id":"path"}}}""", "", "path")]
    [InlineData("""{"type":"t","data":{"customer":{"id":42}}}""", null, "42")]
    [InlineData("""{"type":"t","data":{"customer":{"id":12345678901234567890}}}""", null, "12345678901234567890")]
    [InlineData("""{"type":"t","data":{"customer":{"id":"p\u0061th"}}}""", null, "path")]
    public async Task The_request_wins_over_the_header_and_the_header_over_data(string body, string? header, string recipient)
    {
        var app = await App("customer.id", "X-Customer");
        (await Send(app, body, header)).Expect(202).Text("recipient").ShouldBe(recipient);
    }

    [Theory]
    [InlineData("items[0].id", """[]""")]
    [InlineData("items[0].id", """{"items":[]}""")]
    [InlineData("items[0].id", """{"items":{"id":"a"}}""")]
    [InlineData("items[0].id", """{"items":[{"id":null}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":true}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":{}}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":"not an id"}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":""}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":1e+5}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":".."}]}""")]
    [InlineData("items[0].id", """{"items":[{"id":"\ud800"}]}""")]
    [InlineData("items[0].id", "5")]
    [InlineData("items[0].id", "null")]
    public async Task What_names_no_recipient_is_refused(string path, string data)
    {
        var app = await App(path, null);
        (await Send(app, $$"""{"type":"t","data":{{data}}}""", null)).ExpectInvalid("recipient");
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Indexes_and_nested_names_are_followed()
    {
        var app = await App("items[1].owner.id", null);
        (await Send(app, """{"type":"t","data":{"items":[{},{"owner":{"id":"deep"}}]}}""", null)).Expect(202).Text("recipient").ShouldBe("deep");
    }

    [Fact]
    public async Task An_app_without_routing_keys_needs_the_recipient()
    {
        var app = await App(null, null);
        (await Send(app, """{"type":"t","data":{"recipient":"a"}}""", "header")).ExpectInvalid("recipient");
    }

    [Fact]
    public async Task A_routing_key_that_was_changed_holds_for_the_next_send()
    {
        var app = await App("a", null);
        (await Send(app, """{"type":"t","data":{"a":"one","b":"two"}}""", null)).Text("recipient").ShouldBe("one");
        (await Server.Patch($"/api/v1/apps/{app}", new { routingKeyBodyPath = "b" })).Expect(200);
        (await Send(app, """{"type":"t","data":{"a":"one","b":"two"}}""", null)).Text("recipient").ShouldBe("two");
    }

    private async Task<string> App(string? path, string? header)
    {
        var app = (await Server.Post("/api/v1/apps", new { name = "a", routingKeyBodyPath = path, routingKeyHeader = header })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/t", new { })).Expect(201);
        return app;
    }

    private Task<Answer> Send(string app, string body, string? header)
    {
        (string, string)[] headers = header is null ? [] : [("X-Customer", header)];
        return Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", body, TestServer.EverythingKey, headers);
    }
}
