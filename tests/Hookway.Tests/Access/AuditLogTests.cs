using System.Text;
using System.Text.Json;
using Hookway.Access;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>Each kind of change is in the audit log, with who made it and what it changed, and no secret is.</summary>
public class AuditLogTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Each_kind_of_change_is_read_back_with_what_was_before_and_after_and_no_secret()
    {
        await using var server = await TestServer.Start();
        var secrets = new List<string>();
        var created = (await server.Post("/api/v1/api-keys", new { name = "Ann's", scopes = new[] { "*" } })).Expect(201);
        var (ann, key) = (created.Text("keyId"), created.Text("key"));
        secrets.Add(key);

        var app = (await server.Post("/api/v1/apps", new { name = "Old" }, key)).Expect(201).Text("appId");
        (await server.Patch($"/api/v1/apps/{app}", new { name = "New" }, key)).Expect(200);
        (await server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { description = "one" }, key)).Expect(201);
        (await server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { description = "two" }, key)).Expect(200);
        (await server.Put($"/api/v1/apps/{app}/recipients/customer_1", new { name = "Acme" }, key)).Expect(201);
        (await server.Put($"/api/v1/apps/{app}/recipients/customer_1", new { name = "Acme Inc." }, key)).Expect(200);
        const string given = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKQ9r8GKYo=";
        secrets.AddRange([given, "header-value-1", "header-value-2"]);
        var url = fixture.Receiver.UrlFor("/audit");
        var endpoint = (await server.Post($"/api/v1/apps/{app}/endpoints",
            new { recipient = "customer_1", url, secret = given, headers = new Dictionary<string, string> { ["x-token"] = "header-value-1" } }, key)).Expect(201).Text("endpointId");
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { name = "Production", headers = new Dictionary<string, string> { ["x-token"] = "header-value-2" } }, key)).Expect(200);
        secrets.Add((await server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/rotate-secret", null, key)).Expect(200).Text("secret"));
        (await server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}", key)).Expect(200);
        var other = (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url }, key)).Expect(201);
        secrets.Add(other.Text("secret"));
        (await server.Delete($"/api/v1/apps/{app}/recipients/customer_1", key)).Expect(200);
        (await server.Delete($"/api/v1/apps/{app}/event-types/invoice.paid", key)).Expect(200);
        var archived = (await server.Delete($"/api/v1/apps/{app}", key)).Expect(200);
        (await server.Delete($"/api/v1/api-keys/{ann}", key)).Expect(200);

        var log = await Log(server, $"?actor={ann}");
        var (recipient, type) = ($"{app}/recipients/customer_1", $"{app}/event-types/invoice.paid");
        log.Select(entry => (Text(entry, "action"), Text(entry, "object"))).ShouldBe(
        [
            ("api_key.revoked", ann), ("app.archived", app), ("event_type.archived", type), ("recipient.deleted", recipient), ("endpoint.deleted", other.Text("endpointId")),
            ("endpoint.created", other.Text("endpointId")), ("endpoint.deleted", endpoint), ("endpoint.secret_rotated", endpoint), ("endpoint.updated", endpoint),
            ("endpoint.created", endpoint), ("recipient.updated", recipient), ("recipient.created", recipient), ("event_type.updated", type), ("event_type.created", type),
            ("app.updated", app), ("app.created", app),
        ], ignoreOrder: false);
        log.ShouldAllBe(entry => Text(entry, "actorName") == "Ann's" && Text(entry, "requestId").StartsWith("req_"));
        log.Single(entry => Text(entry, "action") == "app.archived").GetProperty("requestId").GetString().ShouldBe(archived.Headers.GetValues("Request-Id").Single());
        Changes(log, "app.updated", "name").ShouldBe(("Old", "New"));
        Changes(log, "event_type.updated", "description").ShouldBe(("one", "two"));
        Changes(log, "recipient.updated", "name").ShouldBe(("Acme", "Acme Inc."));
        Changes(log, "endpoint.updated", "name").ShouldBe((null, "Production"));
        log.Single(entry => Text(entry, "action") == "app.created").GetProperty("before").ValueKind.ShouldBe(JsonValueKind.Null);
        log.First(entry => Text(entry, "action") == "endpoint.deleted").GetProperty("after").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Log(server, $"?object={ann}")).Select(entry => Text(entry, "action")).ShouldBe(["api_key.revoked", "api_key.created"]);

        var everything = (await server.Get("/api/v1/audit-log?limit=250")).Expect(200);
        secrets.ShouldNotContain(secret => Encoding.UTF8.GetString(everything.Bytes).Contains(secret));
        secrets.Select(secret => secret.Split('_')[^1]).ShouldNotContain(secret => Encoding.UTF8.GetString(everything.Bytes).Contains(secret));
    }

    [Fact]
    public async Task What_the_engine_disables_is_the_systems_doing_and_says_why()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(410);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        await Server.Send(app);
        await TestServer.Until(async () => (await Log(Server, $"?object={endpoint}")).Length == 2);
        var entry = (await Log(Server, $"?object={endpoint}&actor=system")).Single();
        Text(entry, "action").ShouldBe("endpoint.disabled");
        entry.GetProperty("before").GetProperty("enabled").GetBoolean().ShouldBeTrue();
        entry.GetProperty("after").GetProperty("enabled").GetBoolean().ShouldBeFalse();
        entry.GetProperty("after").GetProperty("disabledReason").GetString().ShouldNotBeNullOrEmpty();
        entry.GetProperty("requestId").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task A_purge_takes_what_the_recipient_was_out_of_the_log_and_leaves_who_did_what()
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/recipients/customer_1", new { name = "Jane Doe", metadata = new { email = "jane@example.com" } })).Expect(201);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.UrlFor("/jane"), new { name = "Jane's" });
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);

        var log = await Log(Server, "?limit=250");
        JsonSerializer.Serialize(log).ShouldNotContain("ane's");
        JsonSerializer.Serialize(log).ShouldNotContain("jane@example.com");
        log.Count(entry => Text(entry, "object") == endpoint).ShouldBe(2);
        log.Where(entry => Text(entry, "object") == $"{app}/recipients/customer_1").Select(entry => Text(entry, "action")).ShouldBe(["recipient.purged", "recipient.created"]);
    }

    [Fact]
    public async Task Pages_visit_each_entry_once_while_others_are_written_and_filters_agree_with_the_whole()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var keys = new[] { TestServer.EverythingKey, await server.CreateKey([Scopes.Everything]) };
        var apps = new List<string>();
        for (var i = 0; i < 30; i++)
        {
            // Several in one millisecond, and time that stands still for a while.
            apps.Add((await server.Post("/api/v1/apps", new { name = $"App {i}" }, keys[i % 2])).Expect(201).Text("appId"));
            clock.Advance(TimeSpan.FromMilliseconds(i % 3));
        }
        foreach (var app in apps.Where((_, i) => i % 5 == 0))
        {
            (await server.Patch($"/api/v1/apps/{app}", new { name = "x" }, keys[0])).Expect(200);
        }
        var all = await Log(server, "?limit=250");
        foreach (var query in new[]
        {
            "", $"actor={Text(all[0], "actor")}", $"object={apps[5]}", $"object={apps[5]}&actor={Text(all[0], "actor")}",
            $"since={Uri.EscapeDataString(Text(all[20], "at"))}", $"since={Uri.EscapeDataString(Text(all[20], "at"))}&actor={Text(all[0], "actor")}", "actor=nobody",
        })
        {
            var filter = System.Web.HttpUtility.ParseQueryString(query);
            var wanted = all.Where(entry => (filter["actor"] is null || Text(entry, "actor") == filter["actor"]) && (filter["object"] is null || Text(entry, "object") == filter["object"])
                && (filter["since"] is null || string.CompareOrdinal(Text(entry, "at"), filter["since"]) >= 0)).Select(entry => entry.ToString()).ToList();
            var seen = new List<string>();
            for (string? cursor = null, next = ""; next is not null; cursor = next)
            {
                var page = (await server.Get($"/api/v1/audit-log?limit=3&{query}{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
                seen.AddRange(page.Items.Select(item => item.ToString()));
                next = page.Body.GetProperty("nextCursor").GetString();
                await server.Services.GetRequiredService<WorkspaceStore>().FindOrCreate($"Noise {seen.Count} {query}", Actor.System);
                (await server.Post("/api/v1/apps", new { name = "Noise" }, keys[1])).Expect(201);
            }
            seen.Where(wanted.Contains).ShouldBe(wanted, query);
            seen.Distinct().Count().ShouldBe(seen.Count, query);
        }
    }

    [Fact]
    public async Task Another_workspaces_log_is_its_own()
    {
        var stranger = await Server.CreateWorkspace("audit's stranger");
        var app = await Server.CreateApp();
        var theirs = await Log(Server, "", stranger);
        theirs.Select(entry => Text(entry, "action")).ShouldBe(["api_key.created", "workspace.created"]);
        (await Log(Server, $"?object={app}", stranger)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_change_that_records_nothing_is_refused_and_undone()
    {
        var configuration = Server.Services.GetRequiredService<Configuration>();
        var version = configuration.Version;
        await configuration.Change(Actor.Command, (_, touched) =>
        {
            touched.Add("thing:1");
            return Task.FromResult(0);
        }).ShouldThrowAsync<InvalidOperationException>();
        await Server.CreateApp();
        configuration.IsStale("thing:1", version).ShouldBeFalse();
    }

    private static async Task<JsonElement[]> Log(TestServer server, string query, string key = TestServer.EverythingKey) =>
        (await server.Get("/api/v1/audit-log" + query, key)).Expect(200).Items;

    private static string Text(JsonElement entry, string name) => entry.GetProperty(name).GetString()!;

    private static (string? Before, string? After) Changes(JsonElement[] log, string action, string field)
    {
        var entry = log.Single(entry => Text(entry, "action") == action);
        return (entry.GetProperty("before").GetProperty(field).GetString(), entry.GetProperty("after").GetProperty(field).GetString());
    }
}
