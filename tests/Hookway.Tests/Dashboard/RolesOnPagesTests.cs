using System.Text;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Dashboard;
using Hookway.Tests.Support;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Hookway.Tests.Dashboard;

/// <summary>Every page and every write of a workspace, as each role: a table that a new route must be entered into.</summary>
public partial class RolesOnPagesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public void The_table_has_every_write_and_nothing_else() =>
        Routes("POST").Select(route => NameOf(route.RoutePattern)).Order(StringComparer.Ordinal).ShouldBe(PageWrites.Least.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(Roles.Viewer)]
    [InlineData(Roles.Member)]
    [InlineData(Roles.Admin)]
    [InlineData(Roles.Owner)]
    public async Task Every_page_is_shown_and_every_write_is_done_or_refused_as_the_role_says(string role)
    {
        var values = await Scene();
        using var browser = await PageClient.SignedIn(Server, role);
        foreach (var route in Routes("GET").Where(route => NameOf(route.RoutePattern) is not ("/apps/{appId}" or "/explain" or "/apps/{appId}/messages/live" or "/ingest/events/live")))
        {
            (await browser.Get(PathOf(route.RoutePattern, values))).Status.ShouldBe(200, $"{role}: GET {NameOf(route.RoutePattern)}");
        }
        // In the order of the table: what takes something away comes after what needs it.
        foreach (var name in PageWrites.Least.Keys)
        {
            var route = Routes("POST").Single(route => NameOf(route.RoutePattern) == name);
            var may = PageWrites.May(role, name);
            var answer = await browser.Post(PathOf(route.RoutePattern, values), Fields(name));
            (answer.Status == 403).ShouldBe(!may, $"{role}: POST {name} was answered with {answer.Status}");
            answer.Status.ShouldBeLessThan(500, $"{role}: POST {name}");
        }
    }

    [Fact]
    public async Task Every_write_needs_the_token_of_its_session_and_those_before_one_are_not_taken_from_other_sites()
    {
        var values = await Scene();
        values["sessionId"] = "ses_none";
        values["token"] = "none";
        using var browser = await PageClient.SignedIn(Server);
        using var other = await PageClient.SignedIn(Server);
        var writes = Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("POST") is true && route.Metadata.GetMetadata<DashboardPage>() is not null).ToList();
        var before = (await Server.Get("/api/v1/audit-log?limit=1")).Expect(200).Items[0].ToString();
        foreach (var route in writes)
        {
            var path = PathOf(route.RoutePattern, values);
            if (route.Metadata.GetMetadata<DashboardPage>()!.NeedsSession)
            {
                (await browser.Post(path, null, [("name", "Forged")])).Expect(400).Text.ShouldContain("not sent from a page of this session", customMessage: path);
                (await browser.Post(path, other.FormToken, [("name", "Forged")])).Expect(400);
            }
            else
            {
                (await browser.Post(path, null, [("name", "Forged")], ("Sec-Fetch-Site", "cross-site"))).Expect(403).Text.ShouldContain("another site", customMessage: path);
                (await browser.Post(path, null, [("name", "Forged")], ("Origin", "https://elsewhere.example"))).Expect(403);
            }
        }
        writes.Count.ShouldBeGreaterThan(PageWrites.Least.Count);
        (await Server.Get("/api/v1/audit-log?limit=1")).Expect(200).Items[0].ToString().ShouldBe(before);
        (await browser.Get("/account")).Expect(200);
    }

    private static (string, string?)[] Fields(string name) => name switch
    {
        "/settings/keys" => [("name", "By role"), ("scope", "app:read")],
        "/settings/members/invite" => [("email", "someone@example.com"), ("role", "viewer")],
        "/settings/members/{userId}/role" => [("role", "viewer")],
        "/settings/workspace" => [("name", FirstStart.WorkspaceName), .. Capabilities.All.Select(one => ("capability", (string?)one))],
        "/apps/{appId}/recipients" => [("recipient", "customer_new")],
        _ => [("name", "By role")],
    };

    private IEnumerable<RouteEndpoint> Routes(string method) => Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(route =>
        route.Metadata.GetMetadata<DashboardPage>() is { NeedsSession: true } && route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(method) is true
        && route.RoutePattern.GetParameter("workspaceId") is not null);

    /// <summary>The route below the workspace, without what its parts must look like.</summary>
    private static string NameOf(RoutePattern pattern) => Policy().Replace(pattern.RawText!["/w/{workspaceId}".Length..], "{$1}");

    private static string PathOf(RoutePattern pattern, Dictionary<string, string> values)
    {
        var path = new StringBuilder();
        foreach (var part in pattern.PathSegments.Select(segment => segment.Parts.Single()))
        {
            path.Append('/').Append(part is RoutePatternParameterPart parameter
                ? values.TryGetValue(parameter.Name, out var value) ? Uri.EscapeDataString(value) : FirstChoice().Match(parameter.ParameterPolicies[0].Content!).Groups[1].Value
                : ((RoutePatternLiteralPart)part).Content);
        }
        return path.ToString();
    }

    private async Task<Dictionary<string, string>> Scene()
    {
        var app = await Server.CreateApp();
        var recipient = "customer_" + Guid.NewGuid().ToString("N")[..6];
        fixture.Receiver.RespondWith(410);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url, null, recipient);
        var message = await Server.Send(app, recipient: recipient);
        string? issue = null;
        await TestServer.Until(async () => (issue = (await Server.Get($"/api/v1/ingest/issues?endpointId={endpoint}")).Expect(200).Items.Select(item => item.GetProperty("issueId").GetString()).FirstOrDefault()) is not null);
        fixture.Receiver.RespondWith(200);
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = true })).Expect(200);
        var source = await Server.CreateSource();
        using var guest = await PageClient.SignedIn(Server, Roles.Viewer);
        var members = (await Server.Get("/api/v1/members")).Expect(200).Items;
        return new Dictionary<string, string>
        {
            ["workspaceId"] = (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId,
            ["appId"] = app,
            ["messageId"] = message,
            ["recipient"] = recipient,
            ["endpointId"] = endpoint,
            ["name"] = "invoice.paid",
            ["replayId"] = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { })).Expect(202).Text("replayId"),
            ["sourceId"] = source.Id(),
            ["eventId"] = (await Server.DeliverGitHub(source, Guid.NewGuid().ToString())).Expect(200).Text("eventId"),
            ["destinationId"] = (await Server.Post("/api/v1/ingest/destinations", new { name = "By role", sourceId = source.Id(), endpointUrl = fixture.Receiver.Url })).Expect(201).Text("destinationId"),
            ["issueId"] = issue!,
            ["keyId"] = (await Server.Post("/api/v1/api-keys", new { name = "To revoke", scopes = new[] { "app:read" } })).Expect(201).Text("keyId"),
            ["userId"] = members.First(member => member.GetProperty("role").GetString() == Roles.Viewer).GetProperty("userId").GetString()!,
            ["invitationId"] = (await Server.Post("/api/v1/members/invitations", new { email = $"{Guid.NewGuid():N}@example.com", role = "viewer" })).Expect(201).Text("invitationId"),
        };
    }

    [GeneratedRegex(@"\{(\w+):[^}]*\}")]
    private static partial Regex Policy();

    [GeneratedRegex(@"\^\((\w+)")]
    private static partial Regex FirstChoice();
}
