using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Destinations;

public sealed class DestinationsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/api/v1/ingest/destinations";
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

    private TestServer Server => fixture.Server;

    private Uri Url => fixture.Receiver.Url;

    [Fact]
    public async Task A_destination_is_made_with_defaults_shown_listed_and_fetched()
    {
        var source = await Server.CreateSource();

        var made = (await Server.Post(Path, new { name = "App", sourceId = source.Id(), endpointUrl = Url })).Expect(201).Body;

        var id = made.GetProperty("destinationId").GetString()!;
        id.ShouldStartWith("dst_");
        made.GetProperty("endpointUrl").GetString().ShouldBe(Url.AbsoluteUri);
        made.GetProperty("appId").ValueKind.ShouldBe(JsonValueKind.Null);
        made.GetProperty("filterEventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
        made.GetProperty("hasSigningSecret").GetBoolean().ShouldBeFalse();
        (made.GetProperty("retryMaxAttempts").GetInt32(), made.GetProperty("retryBackoffSeconds").GetInt32()).ShouldBe((8, 5));
        (made.GetProperty("enabled").GetBoolean(), made.GetProperty("paused").GetBoolean(), made.GetProperty("ordered").GetBoolean()).ShouldBe((true, false, false));
        made.GetProperty("status").GetString().ShouldBe("healthy");
        (await Server.Get($"{Path}/{id}")).Expect(200).Body.ToString().ShouldBe(made.ToString());
        var second = (await Server.Post(Path, new { name = "Second", sourceId = source.Id(), endpointUrl = Url })).Expect(201).Text("destinationId");
        var other = await Server.CreateSource();
        (await Server.Post(Path, new { name = "Other", sourceId = other.Id(), endpointUrl = Url })).Expect(201);
        (await Server.Get($"{Path}?sourceId={source.Id()}")).Items.Select(item => item.GetProperty("destinationId").GetString()).ShouldBe([second, id]);
        var page = (await Server.Get($"{Path}?sourceId={source.Id()}&limit=1")).Expect(200);
        (await Server.Get($"{Path}?sourceId={source.Id()}&limit=1&cursor={page.Text("nextCursor")}")).Items.Single().GetProperty("destinationId").GetString().ShouldBe(id);
        (await Server.Get($"{Path}?sourceId=src_00000000000000000000000000")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Everything_that_can_be_set_is_kept_and_changed_and_secrets_are_never_shown()
    {
        var source = await Server.CreateSource();
        var made = (await Server.Post(Path, new
        {
            name = "All", sourceId = source.Id(), endpointUrl = Url, signingSecret = Secret, filterEventTypes = "invoice.*, charge.failed,", filterEntityKey = "42",
            filterBodyPath = "data.status", filterBodyValue = "paid", transformBodyPath = "data", transformExpression = "{id: id}", retryMaxAttempts = 3,
            retryBackoffSeconds = 60, rateLimitPerMinute = 10, headers = new Dictionary<string, string> { ["x-tenant"] = "s3cret" }, ordered = true,
        })).Expect(201);
        System.Text.Encoding.UTF8.GetString(made.Bytes).ShouldNotContain("s3cret");
        System.Text.Encoding.UTF8.GetString(made.Bytes).ShouldNotContain("whsec_");
        made.Body.GetProperty("filterEventTypes").EnumerateArray().Select(type => type.GetString()).ShouldBe(["invoice.*", "charge.failed"]);
        made.Body.GetProperty("filterBodyValue").GetString().ShouldBe("paid");
        made.Body.GetProperty("headers").GetProperty("x-tenant").GetString().ShouldBe("••••••");
        made.Body.GetProperty("hasSigningSecret").GetBoolean().ShouldBeTrue();
        var path = $"{Path}/{made.Text("destinationId")}";

        var changed = (await Server.Patch(path, new { paused = true, filterEventTypes = Array.Empty<string>(), filterBodyPath = (string?)null, headers = new Dictionary<string, string?> { ["X-Tenant"] = null, ["x-b"] = "b" } })).Expect(200).Body;
        changed.GetProperty("status").GetString().ShouldBe("paused");
        changed.GetProperty("filterEventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
        changed.GetProperty("filterBodyValue").ValueKind.ShouldBe(JsonValueKind.Null);
        changed.GetProperty("headers").EnumerateObject().Select(header => header.Name).ShouldBe(["x-b"]);
        changed.GetProperty("retryMaxAttempts").GetInt32().ShouldBe(3);
        var reset = (await Server.Patch(path, new { signingSecret = (string?)null, retryMaxAttempts = (int?)null, rateLimitPerMinute = (int?)null, transformExpression = (string?)null, headers = (object?)null })).Expect(200).Body;
        reset.GetProperty("hasSigningSecret").GetBoolean().ShouldBeFalse();
        reset.GetProperty("retryMaxAttempts").GetInt32().ShouldBe(8);
        reset.GetProperty("headers").EnumerateObject().ShouldBeEmpty();
        var disabled = (await Server.Patch(path, new { enabled = false })).Expect(200).Body;
        (disabled.GetProperty("status").GetString(), disabled.GetProperty("disabledReason").GetString()).ShouldBe(("disabled", "Disabled through the API."));
        (await Server.Patch(path, new { enabled = true })).Expect(200).Body.GetProperty("disabledReason").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Server.Delete(path)).Expect(200);
        (await Server.Get(path)).Expect(404);
        (await Server.Patch(path, new { name = "x" })).Expect(404);
        (await Server.Get($"{Path}?sourceId={source.Id()}")).Items.ShouldBeEmpty();
        var actions = (await Server.Get($"/api/v1/audit-log?object={made.Text("destinationId")}")).Items.Select(entry => entry.GetProperty("action").GetString());
        actions.ShouldBe(["destination.deleted", .. Enumerable.Repeat("destination.updated", 4), "destination.created"]);
    }

    [Theory]
    [InlineData("{}", "name")]
    [InlineData("""{"name":"x"}""", "sourceId")]
    [InlineData("""{"name":"x"}""", "endpointUrl")]
    [InlineData("""{"endpointUrl":"ftp://example.com"}""", "endpointUrl")]
    [InlineData("""{"endpointUrl":"http://10.0.0.1/"}""", "endpointUrl")]
    [InlineData("""{"endpointUrl":"http://u:p@127.0.0.1/"}""", "endpointUrl")]
    [InlineData("""{"appId":"app_00000000000000000000000000"}""", "appId")]
    [InlineData("""{"signingSecret":"x"}""", "signingSecret")]
    [InlineData("""{"signingSecret":"whsec_c2hvcnQ="}""", "signingSecret")]
    [InlineData("""{"filterEventTypes":[1]}""", "filterEventTypes")]
    [InlineData("""{"filterEventTypes":"a*b"}""", "filterEventTypes[0]")]
    [InlineData("""{"filterBodyPath":"a..b","filterBodyValue":1}""", "filterBodyPath")]
    [InlineData("""{"filterBodyPath":"a"}""", "filterBodyValue")]
    [InlineData("""{"filterBodyValue":1}""", "filterBodyPath")]
    [InlineData("""{"filterBodyPath":"a","filterBodyValue":[]}""", "filterBodyValue")]
    [InlineData("""{"transformBodyPath":"["}""", "transformBodyPath")]
    [InlineData("""{"transformExpression":"a["}""", "transformExpression")]
    [InlineData("""{"transformExpression":"nosuch(@)"}""", "transformExpression")]
    [InlineData("""{"headers":{"webhook-id":"x"}}""", "headers.webhook-id")]
    [InlineData("""{"headers":{"hookway-source":"x"}}""", "headers.hookway-source")]
    [InlineData("""{"retryMaxAttempts":21}""", "retryMaxAttempts")]
    [InlineData("""{"rateLimitPerMinute":0}""", "rateLimitPerMinute")]
    [InlineData("""{"surprise":1}""", "surprise")]
    public async Task What_is_wrong_is_named(string body, string field) => (await Server.Raw(HttpMethod.Post, Path, body)).ExpectInvalid(field);

    [Fact]
    public async Task A_bad_change_changes_nothing_and_a_destination_stays_of_its_kind()
    {
        var source = await Server.CreateSource();
        var app = await Server.CreateApp();
        var id = (await Server.Post(Path, new { name = "App", sourceId = source.Id(), endpointUrl = Url })).Expect(201).Text("destinationId");
        var feed = (await Server.Post(Path, new { name = "Feed", sourceId = source.Id(), appId = app })).Expect(201).Text("destinationId");

        (await Server.Patch($"{Path}/{id}", new { name = "New", transformExpression = "a[" })).ExpectInvalid("transformExpression");
        (await Server.Patch($"{Path}/{id}", new { name = (string?)null })).ExpectInvalid("name");
        (await Server.Patch($"{Path}/{id}", new { appId = app })).ExpectInvalid("appId");
        (await Server.Patch($"{Path}/{feed}", new { endpointUrl = Url })).ExpectInvalid("endpointUrl");
        (await Server.Post(Path, new { name = "Both", sourceId = source.Id(), appId = app, endpointUrl = Url })).ExpectInvalid("appId");
        (await Server.Post(Path, new { name = "x", sourceId = "src_00000000000000000000000000", endpointUrl = Url })).ExpectInvalid("sourceId");
        (await Server.Get($"{Path}/{id}")).Text("name").ShouldBe("App");
    }

    [Fact]
    public async Task Another_workspaces_destinations_sources_and_apps_are_not_there()
    {
        var source = await Server.CreateSource();
        var app = await Server.CreateApp();
        var id = (await Server.Post(Path, new { name = "App", sourceId = source.Id(), endpointUrl = Url })).Expect(201).Text("destinationId");
        var other = await Server.CreateWorkspace($"other-{source.Id()}");
        var theirs = (await Server.Post("/api/v1/ingest/sources", new { name = "x" }, other)).Expect(201).Text("sourceId");

        (await Server.Get($"{Path}/{id}", other)).Expect(404);
        (await Server.Patch($"{Path}/{id}", new { name = "x" }, other)).Expect(404);
        (await Server.Delete($"{Path}/{id}", other)).Expect(404);
        (await Server.Get($"{Path}?sourceId={source.Id()}", other)).Items.ShouldBeEmpty();
        (await Server.Post(Path, new { name = "x", sourceId = source.Id(), endpointUrl = Url }, other)).ExpectInvalid("sourceId");
        (await Server.Post(Path, new { name = "x", sourceId = theirs, appId = app }, other)).ExpectInvalid("appId");
    }
}
