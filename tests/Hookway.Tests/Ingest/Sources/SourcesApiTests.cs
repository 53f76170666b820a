using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Storage;
using Dapper;
using Hookway.Access;

namespace Hookway.Tests.Ingest.Sources;

public sealed class SourcesApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_source_is_created_read_changed_and_archived()
    {
        var created = await Server.CreateSource("stripe", new { name = "Stripe live ☃", publicUrl = "https://hooks.example.com/stripe", retentionDays = 7, rateLimitPerMinute = 600 }, "whsec_x");
        var id = created.Id();
        id.ShouldStartWith("src_");
        (created.GetProperty("name").GetString(), created.GetProperty("vendor").GetString(), created.GetProperty("publicUrl").GetString())
            .ShouldBe(("Stripe live ☃", "stripe", "https://hooks.example.com/stripe"));
        (created.GetProperty("hasSigningSecret").GetBoolean(), created.GetProperty("enabled").GetBoolean(), created.GetProperty("forwardDuplicates").GetBoolean()).ShouldBe((true, true, false));
        (created.GetProperty("retentionDays").GetInt32(), created.GetProperty("rateLimitPerMinute").GetInt32()).ShouldBe((7, 600));
        created.ToString().ShouldNotContain("whsec_x");

        (await Server.Get($"/api/v1/ingest/sources/{id}")).Expect(200).Body.ToString().ShouldBe(created.ToString());
        (await Server.Get("/api/v1/ingest/sources?limit=250")).Items.Select(source => source.Id()).ShouldContain(id);
        var changed = (await Server.Raw(HttpMethod.Patch, $"/api/v1/ingest/sources/{id}", """{"name":"b","publicUrl":null,"retentionDays":null,"enabled":false,"forwardDuplicates":true,"signingSecret":null}"""))
            .Expect(200).Body;
        (changed.GetProperty("name").GetString(), changed.GetProperty("publicUrl").GetString(), changed.GetProperty("enabled").GetBoolean(), changed.GetProperty("hasSigningSecret").GetBoolean(),
            changed.GetProperty("forwardDuplicates").GetBoolean(), changed.GetProperty("rateLimitPerMinute").GetInt32()).ShouldBe(("b", null, false, false, true, 600));

        (await Server.Delete($"/api/v1/ingest/sources/{id}")).Expect(200).Body.GetProperty("archivedAt").ValueKind.ShouldBe(JsonValueKind.String);
        (await Server.Delete($"/api/v1/ingest/sources/{id}")).Expect(404);
        (await Server.Patch($"/api/v1/ingest/sources/{id}", new { name = "c" })).Expect(404);
        (await Server.Post($"/api/v1/ingest/sources/{id}/rotate-token")).Expect(404);
        (await Server.Get($"/api/v1/ingest/sources/{id}")).Expect(200);
        (await Server.Get("/api/v1/ingest/sources?limit=250")).Items.Select(source => source.Id()).ShouldNotContain(id);
        (await Server.Get("/api/v1/ingest/sources?limit=250&includeArchived=true")).Items.Select(source => source.Id()).ShouldContain(id);
    }

    [Theory]
    [InlineData("""{"vendor":"stripe"}""", "name")]
    [InlineData("""{"name":" "}""", "name")]
    [InlineData("""{"name":"a","vendor":"nobody"}""", "vendor")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":""}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":["ok",""]}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":"pasted with a line\n"}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":["1","2","3","4","5","6","7","8","9","10","11"]}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":7}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","signingSecret":[null]}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"clerk","signingSecret":"whsec_not base64"}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"discord","signingSecret":"not a key"}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"mollie","signingSecret":"x"}""", "signingSecret")]
    [InlineData("""{"name":"a","signingSecret":"x"}""", "signingSecret")]
    [InlineData("""{"name":"a","vendor":"stripe","verification":{"algorithm":"token","header":"X"}}""", "verification")]
    [InlineData("""{"name":"a","verification":{"algorithm":"md5","header":"X"}}""", "verification.algorithm")]
    [InlineData("""{"name":"a","verification":{"algorithm":"hmac-sha256","header":"X","contentTemplate":"{timestamp}"}}""", "verification.timestampHeader")]
    [InlineData("""{"name":"a","verification":{"algorithm":"hmac-sha256","header":"X","colour":"red"}}""", "verification.colour")]
    [InlineData("""{"name":"a","publicUrl":"ftp://a"}""", "publicUrl")]
    [InlineData("""{"name":"a","publicUrl":"https://u:p@a"}""", "publicUrl")]
    [InlineData("""{"name":"a","retentionDays":0}""", "retentionDays")]
    [InlineData("""{"name":"a","rateLimitPerMinute":0}""", "rateLimitPerMinute")]
    [InlineData("""{"name":"a","vendor":"stripe","expectations":{"invoice-settled":9}}""", "expectations")]
    [InlineData("""{"name":"a","vendor":"stripe","expectations":{"invoice-settled":34560001}}""", "expectations")]
    [InlineData("""{"name":"a","vendor":"stripe","expectations":{"no such":60}}""", "expectations")]
    [InlineData("""{"name":"a","vendor":"github","expectations":{"invoice-settled":60}}""", "expectations")]
    [InlineData("""{"name":"a","vendor":"heroku","expectations":{"event-sequence":60}}""", "expectations")]
    [InlineData("""{"name":"a","expectations":{"order":60}}""", "expectations")]
    [InlineData("""{"name":"a","colour":"red"}""", "colour")]
    public async Task What_cannot_be_is_refused_by_its_field(string body, string field) =>
        (await Server.Raw(HttpMethod.Post, "/api/v1/ingest/sources", body)).ExpectInvalid(field);

    [Theory]
    [InlineData("""{"name":null}""", "name")]
    [InlineData("""{"enabled":null}""", "enabled")]
    [InlineData("""{"vendor":"discord"}""", "signingSecret")]
    [InlineData("""{"verification":{"algorithm":"token","header":"X"}}""", "verification")]
    [InlineData("""{"signingSecret":[""]}""", "signingSecret")]
    [InlineData("""{"expectations":{"run-started":60}}""", "expectations")]
    public async Task A_change_that_does_not_fit_changes_nothing(string body, string field)
    {
        var source = await Server.CreateSource("stripe", secret: "whsec_not a key");

        (await Server.Raw(HttpMethod.Patch, $"/api/v1/ingest/sources/{source.Id()}", body)).ExpectInvalid(field);

        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.ToString().ShouldBe(source.ToString());
    }

    [Fact]
    public async Task What_is_expected_in_another_time_is_set_replaced_restored_and_in_the_audit_log()
    {
        var source = await Server.CreateSource("stripe", new { expectations = new Dictionary<string, int?> { ["invoice-settled"] = 7_200, ["silence"] = null } }, "whsec_x");
        var path = $"/api/v1/ingest/sources/{source.Id()}";
        string Expected(JsonElement shown) => shown.GetProperty("expectations").GetRawText();
        Expected(source).ShouldBe("""{"invoice-settled":7200,"silence":null}""");

        Expected((await Server.Patch(path, new { name = "other" })).Expect(200).Body).ShouldBe("""{"invoice-settled":7200,"silence":null}""");
        Expected((await Server.Patch(path, new { expectations = new { late = 60 } })).Expect(200).Body).ShouldBe("""{"late":60}""");
        (await Server.Patch(path, new { vendor = "github", expectations = new Dictionary<string, int?> { ["run-started"] = 60 } })).Expect(200);
        (await Server.Patch(path, new { vendor = "stripe" })).ExpectInvalid("expectations");
        Expected((await Server.Get(path)).Expect(200).Body).ShouldBe("""{"run-started":60}""");
        Expected((await Server.Raw(HttpMethod.Patch, path, """{"expectations":null}""")).Expect(200).Body).ShouldBe("{}");

        var logged = (await Server.Get($"/api/v1/audit-log?object={source.Id()}")).Expect(200).Items.Select(entry => entry.GetProperty("after").GetProperty("expectations").GetRawText());
        logged.ShouldBe(["{}", """{"run-started":60}""", """{"late":60}""", """{"invoice-settled":7200,"silence":null}""", """{"invoice-settled":7200,"silence":null}"""]);
    }

    [Fact]
    public async Task The_url_is_a_secret_of_those_who_may_write()
    {
        var source = await Server.CreateSource();
        var url = source.GetProperty("ingestUrl").GetString()!;
        var reader = await Server.CreateKey([Scopes.IngestRead]);
        var writer = await Server.CreateKey([Scopes.IngestWrite]);

        url.ShouldMatch($"^http://127.0.0.1:\\d+/ingest/{source.Id()}/[A-Za-z0-9_-]{{32}}$");
        foreach (var shown in new[] { (await Server.Get($"/api/v1/ingest/sources/{source.Id()}", reader)).Expect(200).Body, (await Server.Get("/api/v1/ingest/sources", reader)).Items[0] })
        {
            shown.GetProperty("ingestUrl").GetString()!.ShouldEndWith("/••••••");
        }
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}", writer)).ExpectCode(403, "missing_scope");
        (await Server.Post($"/api/v1/ingest/sources/{source.Id()}/rotate-token", key: writer)).Expect(200).Text("ingestUrl").ShouldNotEndWith("••••••");
        (await Server.Post("/api/v1/ingest/sources", new { name = "a" }, reader)).ExpectCode(403, "missing_scope");
    }

    [Fact]
    public async Task Neither_tokens_nor_secrets_lie_readable_in_the_store()
    {
        var source = await Server.CreateSource("github", secret: "a very secret secret");
        var token = source.Path().Split('/')[^1];
        var database = Server.Services.GetRequiredService<Database>();
        var publicUrl = "https://hooks.example.com" + source.Path();
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { publicUrl })).Expect(200).Text("publicUrl").ShouldBe(publicUrl);

        var row = await database.Read(async connection => (IDictionary<string, object?>)await connection.QuerySingleAsync("SELECT * FROM sources WHERE id = @id", new { id = source.Id() }));
        var audit = (await Server.Get($"/api/v1/audit-log?object={source.Id()}")).Expect(200).Body.ToString();

        var bytes = string.Concat(row.Values.Select(value => value is byte[] blob ? System.Text.Encoding.Latin1.GetString(blob) : $"{value}"));
        bytes.ShouldNotContain(token);
        bytes.ShouldNotContain("a very secret secret");
        audit.ShouldContain("source.created");
        audit.ShouldNotContain(token);
        audit.ShouldNotContain("a very secret secret");
    }

    [Fact]
    public async Task The_url_as_given_to_the_vendor_shows_no_token_to_those_who_only_read()
    {
        var source = await Server.CreateSource();
        var token = source.Path().Split('/')[^1];
        var reader = await Server.CreateKey([Scopes.IngestRead]);
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { publicUrl = $"https://example.com/{source.Id()}/in?t={token}&u=abc" })).Expect(200);

        async Task Check(string? masked)
        {
            (await Server.Get($"/api/v1/ingest/sources/{source.Id()}", reader)).Expect(200).Text("publicUrl").ShouldBe($"https://example.com/{source.Id()}/in?t={masked}&u=abc");
            (await Server.Get($"/api/v1/audit-log?object={source.Id()}")).Expect(200).Body.ToString().ShouldNotContain(token);
        }
        await Check("••••••");
        // The URL that the vendor has still holds the old one, which still opens the source.
        (await Server.Post($"/api/v1/ingest/sources/{source.Id()}/rotate-token", new { gracePeriodSeconds = 600 })).Expect(200);
        await Check("••••••");
    }

    [Fact]
    public async Task A_url_that_an_older_version_kept_readable_is_sealed_at_the_next_start()
    {
        await using var server = await TestServer.Start();
        var source = await server.CreateSource();
        var publicUrl = "https://hooks.example.com" + source.Path();
        var database = server.Services.GetRequiredService<Database>();
        foreach (var before in (string[])
            ["ALTER TABLE sources DROP COLUMN public_url", "ALTER TABLE sources RENAME COLUMN plain_public_url TO public_url", "DELETE FROM schemaversions WHERE scriptname LIKE '%.0020_%'",
                "UPDATE sources SET public_url = @publicUrl"])
        {
            await database.Write(session => session.Connection.ExecuteAsync(before, new { publicUrl }));
        }

        await server.Restart();

        (await server.Get($"/api/v1/ingest/sources/{source.Id()}")).Expect(200).Text("publicUrl").ShouldBe(publicUrl);
        (await server.Services.GetRequiredService<Database>().Read(connection =>
            connection.QuerySingleAsync<(long Readable, long Sealed)>("SELECT count(plain_public_url), count(public_url) FROM sources"))).ShouldBe((0, 1));
    }

    [Fact]
    public async Task A_rotated_token_still_opens_for_the_grace_period_and_no_longer()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var source = await server.CreateSource("custom", secret: null);
        var first = source.Path();

        var second = new Uri((await server.Post($"/api/v1/ingest/sources/{source.Id()}/rotate-token", new { gracePeriodSeconds = 60 })).Expect(200).Text("ingestUrl")).AbsolutePath;
        second.ShouldNotBe(first);
        (await server.Deliver(first, "{}"u8.ToArray())).Expect(200);
        (await server.Deliver(second, "{}"u8.ToArray())).Expect(200);
        clock.Advance(TimeSpan.FromSeconds(61));
        (await server.Deliver(first, "{}"u8.ToArray())).Expect(404);
        (await server.Deliver(second, "{}"u8.ToArray())).Expect(200);

        var third = new Uri((await server.Post($"/api/v1/ingest/sources/{source.Id()}/rotate-token", new { gracePeriodSeconds = 0 })).Expect(200).Text("ingestUrl")).AbsolutePath;
        (await server.Deliver(second, "{}"u8.ToArray())).Expect(404);
        (await server.Deliver(third, "{}"u8.ToArray())).Expect(200);
        (await server.Raw(HttpMethod.Post, $"/api/v1/ingest/sources/{source.Id()}/rotate-token", """{"gracePeriodSeconds":604801}""")).ExpectInvalid("gracePeriodSeconds");
    }

    [Fact]
    public async Task Another_workspaces_source_is_not_there()
    {
        var source = await Server.CreateSource();
        var other = await Server.CreateWorkspace($"other-{source.Id()}");

        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}", other)).Expect(404);
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { name = "x" }, other)).Expect(404);
        (await Server.Delete($"/api/v1/ingest/sources/{source.Id()}", other)).Expect(404);
        (await Server.Post($"/api/v1/ingest/sources/{source.Id()}/rotate-token", key: other)).Expect(404);
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}/refused-requests", other)).Expect(404);
        (await Server.Get($"/api/v1/ingest/events?sourceId={source.Id()}", other)).Expect(404);
        (await Server.Get("/api/v1/ingest/sources", other)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_vendors_are_listed_with_what_it_takes_to_set_them_up()
    {
        var vendors = (await Server.Get("/api/v1/ingest/vendors")).Expect(200).Items;
        var stripe = vendors.Single(vendor => vendor.GetProperty("vendor").GetString() == "stripe");

        vendors.Length.ShouldBeGreaterThan(100);
        stripe.GetProperty("secretLabel").GetString()!.ShouldContain("whsec_");
        (stripe.GetProperty("algorithm").GetString(), stripe.GetProperty("coverage").GetString(), stripe.GetProperty("toleranceSeconds").GetInt32()).ShouldBe(("hmac-sha256", "body", 300));
        stripe.GetProperty("headers").EnumerateArray().Select(header => header.GetString()).ShouldBe(["Stripe-Signature"]);
        stripe.GetProperty("gapRules").GetArrayLength().ShouldBeGreaterThan(5);
        stripe.GetProperty("setupSteps").GetArrayLength().ShouldBeGreaterThan(1);
        vendors.ShouldAllBe(vendor => vendor.GetProperty("setupSteps").GetArrayLength() > 1);
    }
}
