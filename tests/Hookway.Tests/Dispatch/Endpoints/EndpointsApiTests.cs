using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Endpoints;

public class EndpointsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_endpoint_made_with_a_url_alone_has_the_defaults()
    {
        var app = await Server.CreateApp();
        var created = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = fixture.Receiver.Url })).Expect(201);

        var id = created.Text("endpointId");
        id.ShouldStartWith("ep_");
        created.Headers.Location!.ToString().ShouldBe($"/api/v1/apps/{app}/endpoints/{id}");
        var endpoint = (await Server.Get($"/api/v1/apps/{app}/endpoints/{id}")).Expect(200);
        endpoint.Text("appId").ShouldBe(app);
        endpoint.Text("recipient").ShouldBe("customer_1");
        endpoint.Text("url").ShouldBe(fixture.Receiver.Url.AbsoluteUri);
        endpoint.Text("status").ShouldBe("healthy");
        endpoint.Text("signature").ShouldBe("hmac-sha256");
        endpoint.Body.GetProperty("enabled").GetBoolean().ShouldBeTrue();
        endpoint.Body.GetProperty("paused").GetBoolean().ShouldBeFalse();
        endpoint.Body.GetProperty("ordered").GetBoolean().ShouldBeFalse();
        endpoint.Body.GetProperty("retryMaxAttempts").GetInt32().ShouldBe(8);
        endpoint.Body.GetProperty("retryBackoffSeconds").GetInt32().ShouldBe(5);
        foreach (var field in new[] { "name", "disabledReason", "eventTypes", "filter", "rateLimitPerMinute" })
        {
            endpoint.Body.GetProperty(field).ValueKind.ShouldBe(JsonValueKind.Null);
        }
        endpoint.Body.GetProperty("headers").EnumerateObject().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("recipient", "null")]
    [InlineData("recipient", "7")]
    [InlineData("url", "null")]
    [InlineData("url", "\"\"")]
    [InlineData("url", "\"/relative\"")]
    [InlineData("url", "\"ftp://example.com/\"")]
    [InlineData("url", "\"http://\"")]
    [InlineData("url", "\"http://user:pass@example.com/\"")]
    [InlineData("url", "\"http://user@example.com/\"")]
    [InlineData("url", "\"http://10.0.0.1/\"")]
    [InlineData("url", "\"http://169.254.169.254/latest/meta-data\"")]
    [InlineData("url", "\"http://0x0a000001/\"")]
    [InlineData("url", "\"http://[::ffff:10.0.0.1]/\"")]
    [InlineData("eventTypes", "\"invoice.paid\"")]
    [InlineData("eventTypes[1]", "[\"a\",\"b c\"]", "eventTypes")]
    [InlineData("eventTypes[0]", "[\"*.paid\"]", "eventTypes")]
    [InlineData("eventTypes[0]", "[\"invoice*\"]", "eventTypes")]
    [InlineData("eventTypes[0]", "[null]", "eventTypes")]
    [InlineData("headers", "[]")]
    [InlineData("headers.content-type", "{\"content-type\":\"a\"}", "headers")]
    [InlineData("headers.Host", "{\"Host\":\"a\"}", "headers")]
    [InlineData("headers.Connection", "{\"Connection\":\"close\"}", "headers")]
    [InlineData("headers.Keep-Alive", "{\"Keep-Alive\":\"a\"}", "headers")]
    [InlineData("headers.TE", "{\"TE\":\"a\"}", "headers")]
    [InlineData("headers.Trailer", "{\"Trailer\":\"a\"}", "headers")]
    [InlineData("headers.Upgrade", "{\"Upgrade\":\"a\"}", "headers")]
    [InlineData("headers.Transfer-Encoding", "{\"Transfer-Encoding\":\"a\"}", "headers")]
    [InlineData("headers.User-Agent", "{\"User-Agent\":\"a\"}", "headers")]
    [InlineData("headers.Webhook-Id", "{\"Webhook-Id\":\"a\"}", "headers")]
    [InlineData("headers.bad name", "{\"bad name\":\"a\"}", "headers")]
    [InlineData("headers.X-A", "{\"X-A\":\"a\\r\\nX-B: c\"}", "headers")]
    [InlineData("headers.X-A", "{\"X-A\":5}", "headers")]
    [InlineData("retryMaxAttempts", "0")]
    [InlineData("retryMaxAttempts", "21")]
    [InlineData("retryMaxAttempts", "\"8\"")]
    [InlineData("retryMaxAttempts", "1e400")]
    [InlineData("retryBackoffSeconds", "0")]
    [InlineData("retryBackoffSeconds", "3601")]
    [InlineData("rateLimitPerMinute", "0")]
    [InlineData("rateLimitPerMinute", "-5")]
    [InlineData("ordered", "\"true\"")]
    [InlineData("ordered", "1")]
    [InlineData("enabledd", "true")]
    [InlineData("endpointId", "\"ep_1\"")]
    public async Task What_is_wrong_is_named_on_create_and_on_change(string blamed, string value, string? field = null)
    {
        field ??= blamed;
        var app = await Server.CreateApp();
        var body = new Dictionary<string, JsonElement>
        {
            ["recipient"] = JsonElement.Parse("\"customer_1\""),
            ["url"] = JsonElement.Parse($"\"{fixture.Receiver.Url}\""),
            [field] = JsonElement.Parse(value),
        };
        (await Server.Post($"/api/v1/apps/{app}/endpoints", body)).ExpectInvalid(blamed);
        (await Server.Get($"/api/v1/apps/{app}/endpoints")).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();

        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, fixture.Receiver.Url)}";
        var before = await Server.Get(path);
        (await Server.Raw(HttpMethod.Patch, path, $$"""{"name":"changed","{{field}}":{{value}}}""")).ExpectInvalid(blamed);
        (await Server.Get(path)).Bytes.ShouldBe(before.Bytes);
    }

    [Fact]
    public async Task Urls_and_headers_have_their_most()
    {
        var app = await Server.CreateApp();
        async Task<Answer> Create(string url, Dictionary<string, string> headers) =>
            await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url, headers });
        var url = fixture.Receiver.Url.AbsoluteUri;

        (await Create(url.PadRight(2048, 'x'), [])).Expect(201);
        (await Create(url.PadRight(2049, 'x'), [])).ExpectInvalid("url");
        (await Create(url, Enumerable.Range(1, 20).ToDictionary(i => $"X-{i}", _ => "v"))).Expect(201);
        (await Create(url, Enumerable.Range(1, 21).ToDictionary(i => $"X-{i}", _ => "v"))).ExpectInvalid("headers");
        (await Create(url, new() { ["X-A"] = new string('a', 4096) })).Expect(201);
        (await Create(url, new() { ["X-A"] = new string('a', 4097) })).ExpectInvalid("headers.X-A");
    }

    [Fact]
    public async Task A_patch_leaves_what_is_absent_and_restores_defaults_for_null()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/" + await Server.CreateEndpoint(app, fixture.Receiver.Url, new
        {
            name = "Main", eventTypes = new[] { "invoice.*" }, filter = new[] { new { bodyPath = "a", exists = true } }, retryMaxAttempts = 3,
            retryBackoffSeconds = 7, rateLimitPerMinute = 60, ordered = true,
        });
        var before = await Server.Get(path);

        var same = (await Server.Patch(path, new { })).Expect(200);
        foreach (var field in before.Body.EnumerateObject().Where(field => field.Name != "updatedAt"))
        {
            same.Body.GetProperty(field.Name).GetRawText().ShouldBe(field.Value.GetRawText());
        }

        var cleared = (await Server.Raw(
            HttpMethod.Patch, path, """{"eventTypes":null,"filter":null,"retryMaxAttempts":null,"retryBackoffSeconds":null,"rateLimitPerMinute":null}""")).Expect(200).Body;
        cleared.GetProperty("eventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
        cleared.GetProperty("filter").ValueKind.ShouldBe(JsonValueKind.Null);
        cleared.GetProperty("retryMaxAttempts").GetInt32().ShouldBe(8);
        cleared.GetProperty("retryBackoffSeconds").GetInt32().ShouldBe(5);
        cleared.GetProperty("rateLimitPerMinute").ValueKind.ShouldBe(JsonValueKind.Null);
        cleared.GetProperty("ordered").GetBoolean().ShouldBeTrue();
        cleared.GetProperty("name").GetString().ShouldBe("Main");

        foreach (var field in new[] { "name", "url", "enabled", "paused", "ordered" })
        {
            (await Server.Raw(HttpMethod.Patch, path, $$"""{"{{field}}":null}""")).ExpectInvalid(field);
        }
        foreach (var field in new[] { "recipient", "recipientName", "secret", "signature" })
        {
            (await Server.Raw(HttpMethod.Patch, path, $$"""{"{{field}}":"a"}""")).ExpectInvalid(field);
        }
        (await Server.Raw(HttpMethod.Patch, path, """{"eventTypes":[]}""")).Expect(200).Body.GetProperty("eventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task Headers_merge_and_are_masked_everywhere()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/" + await Server.CreateEndpoint(
            app, receiver.Url, new { headers = new Dictionary<string, string> { ["X-A"] = "secret-a", ["X-B"] = "secret-b", ["Authorization"] = "Bearer secret-c" } });

        (await Server.Raw(HttpMethod.Patch, path, """{"headers":{"x-b":"secret-d","X-E":"secret-e"}}""")).Expect(200);
        var patched = (await Server.Raw(HttpMethod.Patch, path, """{"headers":{"X-A":null,"X-Never":null}}""")).Expect(200);
        patched.Body.GetProperty("headers").EnumerateObject().Select(header => header.Name.ToUpperInvariant()).ShouldBe(["X-B", "AUTHORIZATION", "X-E"], ignoreOrder: true);
        var message = await Server.Send(app);
        var request = (await receiver.WaitFor(1))[0];

        request.Headers["x-b"].ShouldBe("secret-d");
        request.Headers["x-e"].ShouldBe("secret-e");
        request.Headers["authorization"].ShouldBe("Bearer secret-c");
        request.Headers.ContainsKey("x-a").ShouldBeFalse();
        await Server.WaitForMessage(app, message, "succeeded");
        var shown = (await Server.Attempts(app, message))[0].GetProperty("requestHeaders");
        shown.EnumerateObject().Select(header => header.Name.ToUpperInvariant()).ShouldContain("AUTHORIZATION");
        foreach (var answer in new[] { patched, await Server.Get(path), await Server.Get($"/api/v1/apps/{app}/endpoints"), await Server.Get($"/api/v1/apps/{app}/messages/{message}/attempts") })
        {
            answer.Expect(200);
            System.Text.Encoding.UTF8.GetString(answer.Bytes).ShouldNotContain("secret-");
        }
        (await Server.Raw(HttpMethod.Patch, path, """{"headers":null}""")).Expect(200).Body.GetProperty("headers").EnumerateObject().ShouldBeEmpty();
    }

    [Fact]
    public async Task Merged_headers_stay_within_their_most()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/" + await Server.CreateEndpoint(
            app, fixture.Receiver.Url, new { headers = Enumerable.Range(1, 20).ToDictionary(i => $"X-{i}", _ => "v") });

        (await Server.Raw(HttpMethod.Patch, path, """{"headers":{"X-21":"v"}}""")).ExpectInvalid("headers");
        (await Server.Raw(HttpMethod.Patch, path, """{"headers":{"X-21":"v","X-1":null}}""")).Expect(200);
    }

    [Fact]
    public async Task Lists_filter_by_recipient_and_enabled()
    {
        var app = await Server.CreateApp();
        var a = await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "a");
        var b = await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "b");
        var c = await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "b");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{c}", new { enabled = false })).Expect(200);

        async Task<IEnumerable<string?>> List(string query) =>
            (await Server.Get($"/api/v1/apps/{app}/endpoints{query}")).Expect(200).Items.Select(item => item.GetProperty("endpointId").GetString());
        (await List("")).ShouldBe([c, b, a]);
        (await List("?recipient=b")).ShouldBe([c, b]);
        (await List("?recipient=b&enabled=true")).ShouldBe([b]);
        (await List("?enabled=false")).ShouldBe([c]);
        (await List("?recipient=nobody")).ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/endpoints?enabled=maybe")).ExpectInvalid("enabled");
    }

    [Fact]
    public async Task Event_types_match_by_name_and_by_prefix()
    {
        var app = await Server.CreateApp("invoice.paid", "invoice.void", "invoices.paid", "invoice", "order.made");
        var prefix = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "invoice.*" } });
        var exact = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "invoice.paid", "order.made" } });
        var all = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = Array.Empty<string>() });

        async Task<string[]> To(string type)
        {
            var sent = (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type })).Expect(202);
            return [.. sent.Body.GetProperty("deliveries").EnumerateArray().Select(delivery => delivery.GetProperty("endpointId").GetString()!)];
        }
        (await To("invoice.paid")).ShouldBe([prefix, exact, all], ignoreOrder: true);
        (await To("invoice.void")).ShouldBe([prefix, all], ignoreOrder: true);
        (await To("invoices.paid")).ShouldBe([all]);
        (await To("invoice")).ShouldBe([all]);
        (await To("order.made")).ShouldBe([exact, all], ignoreOrder: true);
    }

    [Fact]
    public async Task A_change_is_seen_by_the_next_send()
    {
        var app = await Server.CreateApp();
        var id = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        for (var i = 0; i < 20; i++)
        {
            (await Server.Patch($"/api/v1/apps/{app}/endpoints/{id}", new { enabled = i % 2 == 1 })).Expect(200);
            var sent = (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" })).Expect(202);
            sent.Body.GetProperty("deliveries").GetArrayLength().ShouldBe(i % 2);
        }
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{id}")).Expect(200);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" })).Expect(202).Text("status").ShouldBe("skipped");
    }

    [Fact]
    public async Task A_test_sends_the_types_example_to_this_endpoint_alone()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/order.made", """{"examplePayload": {"n": 1.50 }}""")).Expect(201);
        var id = await Server.CreateEndpoint(app, receiver.UrlFor("/tested"), new { eventTypes = new[] { "invoice.paid" } });
        await Server.CreateEndpoint(app, receiver.UrlFor("/other"));
        var path = $"/api/v1/apps/{app}/endpoints/{id}";

        var sent = (await Server.Post($"{path}/test", new { type = "order.made" })).Expect(202);
        await Server.WaitForMessage(app, sent.Text("messageId"), "succeeded");

        var request = receiver.Requests.ShouldHaveSingleItem();
        request.Path.ShouldBe("/tested");
        System.Text.Encoding.UTF8.GetString(request.Body).ShouldEndWith("""
            "data":{"n": 1.50 }}
            """);
        (await Server.Attempts(app, sent.Text("messageId")))[0].GetProperty("trigger").GetString().ShouldBe("test");
        (await Server.Post($"{path}/test")).Expect(202);
        (await Server.Post($"{path}/test", new { type = "never.published" })).ExpectCode(400, "event_type_not_published");
        (await Server.Patch(path, new { enabled = false })).Expect(200);
        (await Server.Post($"{path}/test")).ExpectCode(400, "endpoint_disabled");
    }

    [Fact]
    public async Task Disabled_paused_and_deleted_endpoints_say_so()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, fixture.Receiver.Url)}";

        (await Server.Patch(path, new { paused = true })).Expect(200).Text("status").ShouldBe("paused");
        var disabled = (await Server.Patch(path, new { enabled = false })).Expect(200);
        disabled.Text("status").ShouldBe("disabled");
        disabled.Text("disabledReason").ShouldNotBeNullOrEmpty();
        var enabled = (await Server.Patch(path, new { enabled = true, paused = false })).Expect(200);
        enabled.Text("status").ShouldBe("healthy");
        enabled.Body.GetProperty("disabledReason").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Server.Delete(path)).Expect(200);
        (await Server.Get(path)).Expect(404);
        (await Server.Patch(path, new { name = "x" })).Expect(404);
        (await Server.Delete(path)).Expect(404);
        (await Server.Get($"{path}/secret")).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/endpoints")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_url_that_would_be_refused_now_does_not_stand_in_the_way_of_other_changes()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.Services.GetRequiredService<Hookway.Storage.Database>().Write(session =>
            Dapper.SqlMapper.ExecuteAsync(session.Connection, "UPDATE endpoints SET url = 'http://10.0.0.1/' WHERE id = @endpoint", new { endpoint }));
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";

        (await Server.Patch(path, new { paused = true })).Expect(200);

        (await Server.Patch(path, new { url = "http://10.0.0.1/" })).ExpectInvalid("url");
    }

    [Fact]
    public async Task Changes_that_come_together_cannot_add_up_to_more_headers_than_are_allowed()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, fixture.Receiver.Url)}";

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(round => Server.Patch(
            path, new { headers = Enumerable.Range(0, 5).ToDictionary(i => $"x-{round}-{i}", _ => "value") })));

        answers.Count(answer => answer.Status == 200).ShouldBe(4);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.ExpectInvalid("headers").Status == 400);
        (await Server.Get(path)).Expect(200).Body.GetProperty("headers").EnumerateObject().Count().ShouldBe(20);
    }

    [Fact]
    public async Task Work_of_an_endpoint_that_is_back_in_service_is_not_ended_by_a_verdict_from_before()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";
        (await Server.Patch(path, new { paused = true })).Expect(200);
        var message = await Server.Send(app);
        var no = await Server.Services.GetRequiredService<Hookway.Storage.Database>().Read(connection =>
            Dapper.SqlMapper.ExecuteScalarAsync<long>(connection, "SELECT no FROM endpoints WHERE id = @endpoint", new { endpoint }));

        await Server.Services.GetRequiredService<Hookway.Dispatch.Endpoints.EndpointRemoval>().EndAll(no);

        (await Server.Patch(path, new { paused = false })).Expect(200);
        await Server.WaitForMessage(app, message, "succeeded");
    }
}
