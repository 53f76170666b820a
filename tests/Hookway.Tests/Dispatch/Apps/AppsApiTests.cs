using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Apps;

public class AppsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_app_is_created_and_fetched_with_all_its_fields()
    {
        var created = (await Server.Post("/api/v1/apps", new { name = "Billing ☃", routingKeyBodyPath = "customer.id", routingKeyHeader = "X-Customer" })).Expect(201);

        var id = created.Text("appId");
        id.ShouldMatch("^app_[0-9a-hjkmnp-tv-z]{26}$");
        created.Headers.Location!.ToString().ShouldBe($"/api/v1/apps/{id}");
        created.Text("name").ShouldBe("Billing ☃");
        created.Text("routingKeyBodyPath").ShouldBe("customer.id");
        created.Text("routingKeyHeader").ShouldBe("X-Customer");
        created.Text("createdAt").ShouldMatch(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$");
        created.Text("updatedAt").ShouldBe(created.Text("createdAt"));
        (await Server.Get($"/api/v1/apps/{id}")).Expect(200).Bytes.ShouldBe(created.Bytes);
    }

    [Theory]
    [InlineData("{}", "name")]
    [InlineData("""{"name":null}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"  "}""", "name")]
    [InlineData("""{"name":5}""", "name")]
    [InlineData("""{"name":["a"]}""", "name")]
    [InlineData("""{"name":"a","routingKeyBodyPath":"a..b"}""", "routingKeyBodyPath")]
    [InlineData("""{"name":"a","routingKeyBodyPath":"a[x]"}""", "routingKeyBodyPath")]
    [InlineData("""{"name":"a","routingKeyBodyPath":"a[٣]"}""", "routingKeyBodyPath")]
    [InlineData("""{"name":"a","routingKeyHeader":"not a name"}""", "routingKeyHeader")]
    [InlineData("""{"name":"a","nmae":"b"}""", "nmae")]
    [InlineData("""{"Name":"a"}""", "Name")]
    public async Task What_is_wrong_is_named(string body, string field)
    {
        (await Server.Raw(HttpMethod.Post, "/api/v1/apps", body)).ExpectInvalid(field);
    }

    [Fact]
    public async Task Lists_are_newest_first_and_paged()
    {
        await using var server = await TestServer.Start();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Insert(0, (await server.Post("/api/v1/apps", new { name = $"App {i}" })).Expect(201).Text("appId"));
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await server.Get($"/api/v1/apps?limit=2&cursor={cursor}")).Expect(200);
            page.Items.Length.ShouldBeLessThanOrEqualTo(2);
            seen.AddRange(page.Items.Select(app => app.GetProperty("appId").GetString()!));
            cursor = page.Body.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);

        seen.ShouldBe(ids);
        (await server.Get("/api/v1/apps?limit=5")).Body.GetProperty("nextCursor").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task A_patch_leaves_what_is_absent_and_clears_what_is_null()
    {
        var id = (await Server.Post("/api/v1/apps", new { name = "a", routingKeyBodyPath = "x", routingKeyHeader = "h" })).Text("appId");

        var renamed = (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{id}", """{"name":"b"}""")).Expect(200);
        (renamed.Text("name"), renamed.Text("routingKeyBodyPath"), renamed.Text("routingKeyHeader")).ShouldBe(("b", "x", "h"));
        var cleared = (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{id}", """{"routingKeyBodyPath":null}""")).Expect(200);
        (cleared.Text("name"), cleared.Text("routingKeyBodyPath"), cleared.Text("routingKeyHeader")).ShouldBe(("b", null!, "h"));
        (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{id}", """{"name":null}""")).ExpectInvalid("name");
        (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{id}", """{"name":7}""")).ExpectInvalid("name");
        (await Server.Raw(HttpMethod.Patch, $"/api/v1/apps/{id}", """{"routingKeyHeader":"c","name":""}""")).ExpectInvalid("name");
        (await Server.Get($"/api/v1/apps/{id}")).Bytes.ShouldBe(cleared.Bytes);
    }

    [Fact]
    public async Task An_archived_app_leaves_lists_and_refuses_writes_but_is_read()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.UrlFor("/archived"), new { retryMaxAttempts = 5 });
        fixture.Receiver.RespondPerPath("/archived", 500);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() > 0);

        var archived = (await Server.Delete($"/api/v1/apps/{app}")).Expect(200);

        archived.Text("archivedAt").ShouldNotBeNull();
        (await Server.Get("/api/v1/apps?limit=250")).Items.ShouldNotContain(found => found.GetProperty("appId").GetString() == app);
        (await Server.Get("/api/v1/apps?limit=250&includeArchived=true")).Items.ShouldContain(found => found.GetProperty("appId").GetString() == app);
        (await Server.Get($"/api/v1/apps/{app}")).Expect(200);
        (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);
        var canceled = await Server.Message(app, message);
        canceled.GetProperty("status").GetString().ShouldBe("canceled");
        canceled.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("app_archived");
        canceled.GetProperty("deliveries")[0].GetProperty("nextAttemptAt").GetString().ShouldBeNull();
        (await Server.Patch($"/api/v1/apps/{app}", new { name = "b" })).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "invoice.paid" })).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(404);
        (await Server.Put($"/api/v1/apps/{app}/event-types/x", new { })).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/event-types/invoice.paid")).Expect(404);
        (await Server.Put($"/api/v1/apps/{app}/recipients/x", new { })).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1")).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = "http://127.0.0.1/" })).Expect(404);
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/rotate-secret")).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/test")).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(404);
    }

    [Fact]
    public async Task An_unknown_app_is_a_404()
    {
        (await Server.Get("/api/v1/apps/app_00000000000000000000000000")).ExpectCode(404, "not_found");
        (await Server.Get("/api/v1/apps/..%2fapps")).Expect(404);
        (await Server.Delete("/api/v1/apps/app_00000000000000000000000000")).Expect(404);
    }

    [Fact]
    public async Task Archiving_again_ends_what_an_archiving_that_was_cut_short_has_left()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var message = await Server.Send(app);
        await Server.Services.GetRequiredService<Hookway.Storage.Database>().Write(session =>
            Dapper.SqlMapper.ExecuteAsync(session.Connection, "UPDATE apps SET archived_at = 1 WHERE id = @app", new { app }));
        (await Server.Message(app, message)).GetProperty("status").GetString().ShouldBe("pending");

        (await Server.Delete($"/api/v1/apps/{app}")).Expect(200);

        var canceled = await Server.Message(app, message);
        canceled.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("app_archived");
    }

    [Fact]
    public async Task The_engine_itself_ends_what_is_pending_in_an_app_that_was_archived()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var later = (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", deliverAt = DateTimeOffset.UtcNow.AddDays(1) }))
            .Expect(202).Text("messageId");
        await Server.Services.GetRequiredService<Hookway.Dispatch.Apps.AppStore>().Archive(await Server.Caller(), app, Hookway.Dispatch.Endpoints.EndpointStore.TouchPending);

        await Server.WaitForMessage(app, later, "canceled");
    }
}
