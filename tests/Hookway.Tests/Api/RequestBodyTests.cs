using System.Net.Http.Headers;
using System.Text;
using Hookway.Tests.Support;

namespace Hookway.Tests.Api;

public class RequestBodyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("5")]
    [InlineData("\"a\"")]
    [InlineData("{")]
    [InlineData("{\"name\"")]
    [InlineData("{\"name\":\"a\"")]
    [InlineData("{\"name\":\"a\",}")]
    [InlineData("{\"name\":\"a\"}}")]
    [InlineData("{\"name\":\"a\"} x")]
    [InlineData("{'name':'a'}")]
    [InlineData("{name:\"a\"}")]
    [InlineData("{\"name\":\"a\"}/* c */")]
    [InlineData("{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":NaN}")]
    [InlineData("{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":01}")]
    [InlineData("{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":\"\n\"}")]
    [InlineData("{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":{\"a\":}}")]
    [InlineData("\uFEFF{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":1,}")]
    public async Task What_is_no_json_object_is_refused_everywhere_and_changes_nothing(string body)
    {
        var app = await Server.CreateApp();
        foreach (var (method, path) in Writes(app))
        {
            var answer = await Server.Raw(method, path, body);
            if (body.Trim().Length > 0 || answer.Status == 400)
            {
                answer.Expect(400).Text("code").ShouldBeOneOf("invalid_json", "invalid_request");
            }
        }
        (await Server.Get($"/api/v1/apps/{app}")).Text("name").ShouldBe("Billing events");
        (await Server.Get($"/api/v1/apps/{app}/endpoints")).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_unknown_field_is_named_everywhere()
    {
        var app = await Server.CreateApp();
        foreach (var (method, path) in Writes(app))
        {
            (await Server.Raw(method, path, """{"surprise":1}""")).ExpectInvalid("surprise");
            (await Server.Raw(method, path, """{"Name":1}""")).ExpectInvalid("Name");
        }
    }

    [Theory]
    [InlineData("""{"name":"a","name":"b"}""", "name")]
    [InlineData("""{"name":"a","n\u0061me":"b"}""", "name")]
    public async Task A_field_given_twice_is_named(string body, string field)
    {
        (await Server.Raw(HttpMethod.Post, "/api/v1/apps", body)).ExpectInvalid(field);
        (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{await Server.CreateApp()}", body)).ExpectInvalid(field);
    }

    [Theory]
    [InlineData("name")]
    [InlineData("metadata")]
    public async Task Invalid_utf8_is_refused(string field)
    {
        var app = await Server.CreateApp();
        foreach (var bad in new[] { "\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82" })
        {
            var value = field == "name" ? $"\"{bad}\"" : $"{{\"a\":\"{bad}\"}}";
            (await Bytes(HttpMethod.Put, $"/api/v1/apps/{app}/recipients/r", Encoding.Latin1.GetBytes($"{{\"{field}\":{value}}}"))).Expect(400);
            (await Bytes(HttpMethod.Post, $"/api/v1/apps/{app}/messages", Encoding.Latin1.GetBytes($"{{\"recipient\":\"a\",\"type\":\"invoice.paid\",\"data\":\"{bad}\"}}"))).Expect(400);
            (await Bytes(HttpMethod.Post, $"/api/v1/apps/{app}/messages", Encoding.Latin1.GetBytes($"{{\"recipient\":\"{bad}\",\"type\":\"invoice.paid\"}}"))).Expect(400);
            (await Bytes(HttpMethod.Post, $"/api/v1/apps/{app}/messages", Encoding.Latin1.GetBytes($"{{\"{bad}\":\"a\",\"type\":\"invoice.paid\"}}"))).Expect(400);
        }
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Half_a_surrogate_pair_is_never_a_fault()
    {
        const string Half = "\"\\ud800\"";
        var app = await Server.CreateApp();
        foreach (var (method, path) in Writes(app))
        {
            foreach (var field in new[] { "name", "recipient", "type", "metadata", "examplePayload", "description", "messageId", "secret", "endpointId", "routingKeyHeader" })
            {
                (await Server.Raw(method, path, $$"""{"{{field}}":{{Half}}}""")).Status.ShouldBeLessThan(500);
            }
            (await Server.Raw(method, path, "{" + Half + ":1}")).Status.ShouldBe(400);
        }
        var filter = $$"""[{"bodyPath":"a","equals":{{Half}}}]""";
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", $$"""{"recipient":"a","url":"{{fixture.Receiver.Url}}","filter":{{filter}}}""")).ExpectInvalid("filter[0]");
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { filter = new[] { new { bodyPath = "a", equals = 1 } } });
        var sent = (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", "{\"recipient\":\"customer_1\",\"type\":\"invoice.paid\",\"data\":{" + Half + ":1,\"a\":1}}")).Expect(202);
        await Server.WaitForMessage(app, sent.Text("messageId"), "succeeded");
        foreach (var list in new[] { "recipients", "event-types", "endpoints", "messages" })
        {
            (await Server.Get($"/api/v1/apps/{app}/{list}")).Expect(200);
        }
    }

    [Fact]
    public async Task Deep_nesting_is_refused_without_a_fault()
    {
        var app = await Server.CreateApp();
        var deep = new string('[', 50_000) + new string(']', 50_000);
        foreach (var (method, path) in Writes(app))
        {
            foreach (var field in new[] { "data", "metadata", "examplePayload", "filter", "name", "surprise" })
            {
                (await Server.Raw(method, path, $$"""{"{{field}}":{{deep}}}""")).Expect(400);
            }
        }
    }

    [Theory]
    [InlineData("99999999999999999999")]
    [InlineData("1e999999999")]
    [InlineData("-1")]
    [InlineData("0.5")]
    [InlineData("1.0e0")]
    public async Task Huge_and_odd_numbers_are_refused_by_field(string number)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", $$"""{"recipient":"a","url":"{{fixture.Receiver.Url}}","retryMaxAttempts":{{number}}}"""))
            .ExpectInvalid("retryMaxAttempts");
    }

    [Fact]
    public async Task A_body_over_the_limit_is_a_413_by_its_length_and_by_its_chunks()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:PayloadBytes"] = "2048" });
        var app = await server.CreateApp();
        var path = $"/api/v1/apps/{app}/messages";
        string Body(int bytes) => $$"""{"recipient":"a","type":"invoice.paid","data":"{{new string('x', bytes - 2)}}"}""";

        (await server.Raw(HttpMethod.Post, path, Body(2048))).Expect(202);
        (await server.Raw(HttpMethod.Post, path, Body(2049))).ExpectCode(413, "payload_too_large");
        (await server.Raw(HttpMethod.Post, path, Body(100_000))).ExpectCode(413, "payload_too_large");
        (await server.Request(HttpMethod.Post, path, Chunked(Body(2048)))).Expect(202);
        (await server.Request(HttpMethod.Post, path, Chunked(Body(2049)))).ExpectCode(413, "payload_too_large");
        (await server.Request(HttpMethod.Post, path, Chunked(Body(100_000)))).ExpectCode(413, "payload_too_large");
        (await server.Raw(HttpMethod.Post, "/api/v1/apps", $$"""{"name":"{{new string('x', 300_000)}}"}""")).ExpectCode(413, "payload_too_large");
        (await server.Request(HttpMethod.Post, "/api/v1/apps", Chunked($$"""{"name":"{{new string('x', 300_000)}}"}"""))).ExpectCode(413, "payload_too_large");
        (await server.Get(path)).Items.Length.ShouldBe(2);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=251", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=1.5", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=99999999999999", "limit")]
    [InlineData("limit=%2B5", "limit")]
    [InlineData("cursor=nonsense", "cursor")]
    [InlineData("cursor=!!!", "cursor")]
    [InlineData("cursor=YXBwczo", "cursor")]
    public async Task Paging_has_its_bounds_on_every_list(string query, string field)
    {
        var app = await Server.CreateApp();
        foreach (var list in Lists(app))
        {
            (await Server.Get($"{list}?{query}")).ExpectInvalid(field);
            (await Server.Get($"{list}?limit=1")).Expect(200);
            (await Server.Get($"{list}?limit=250")).Expect(200);
        }
    }

    [Fact]
    public async Task A_cursor_of_another_list_is_refused()
    {
        var app = await Server.CreateApp("a", "b");
        for (var i = 0; i < 2; i++)
        {
            await Server.CreateApp();
            await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: $"r{i}");
            var message = await Server.Send(app, recipient: $"r{i}", type: "a");
            (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202);
        }
        var cursors = new Dictionary<string, string>();
        foreach (var list in Lists(app))
        {
            cursors[list] = (await Server.Get($"{list}?limit=1")).Expect(200).Text("nextCursor");
        }
        foreach (var list in Lists(app))
        {
            foreach (var (other, cursor) in cursors)
            {
                (await Server.Get($"{list}?cursor={cursor}")).Expect(list == other ? 200 : 400);
            }
        }
    }

    private static string[] Lists(string app) =>
        ["/api/v1/apps", $"/api/v1/apps/{app}/event-types", $"/api/v1/apps/{app}/recipients", $"/api/v1/apps/{app}/endpoints", $"/api/v1/apps/{app}/messages", "/api/v1/replays"];

    private static (HttpMethod, string)[] Writes(string app) =>
    [
        (HttpMethod.Post, "/api/v1/apps"), (HttpMethod.Patch, $"/api/v1/apps/{app}"), (HttpMethod.Put, $"/api/v1/apps/{app}/event-types/t"),
        (HttpMethod.Put, $"/api/v1/apps/{app}/recipients/r"), (HttpMethod.Post, $"/api/v1/apps/{app}/endpoints"), (HttpMethod.Post, $"/api/v1/apps/{app}/messages"),
    ];

    private Task<Answer> Bytes(HttpMethod method, string path, byte[] body) => Server.Request(method, path, new ByteArrayContent(body));

    private static StreamContent Chunked(string body) => new(new UnknownLength(Encoding.UTF8.GetBytes(body))) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    private sealed class UnknownLength(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }

    [Theory]
    [InlineData("""{"name":"a\u0000b"}""", "name")]
    [InlineData("""{"name":"a","routingKeyHeader":"x\u0000"}""", "routingKeyHeader")]
    public async Task A_text_that_no_store_can_hold_is_refused_by_name(string body, string field) =>
        (await Server.Raw(HttpMethod.Post, "/api/v1/apps", body)).ExpectInvalid(field);

    [Fact]
    public async Task The_same_holds_for_the_fields_of_a_change()
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{app}", """{"name":"a\u0000b"}""")).ExpectInvalid("name");
    }
}
