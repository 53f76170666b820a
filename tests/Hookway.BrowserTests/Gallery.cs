using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Hookway.BrowserTests.Gallery))]

namespace Hookway.BrowserTests;

/// <summary>
/// A server with something of everything, made when it is first asked for, and the addresses of all its pages. Whatever a stranger can choose (names, types, payloads,
/// headers, answers) is an attack on the page that shows it.
/// </summary>
public sealed partial class Gallery : IAsyncDisposable
{
    public const string Hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'";

    private readonly SemaphoreSlim _one = new(1);
    private bool _isMade;

    public TestServer Server { get; private set; } = null!;
    public ReceiverStub Receiver { get; private set; } = null!;
    public string App { get; private set; } = "";

    /// <summary>The workspace, as pages name it.</summary>
    public string Base { get; private set; } = "";

    /// <summary>Pages before a session.</summary>
    public IReadOnlyList<string> GatePages { get; private set; } = [];

    /// <summary>Pages of a session: those of the workspace, and of one's own account.</summary>
    public IReadOnlyList<string> Pages { get; private set; } = [];

    /// <summary>Of these, those of work that goes on.</summary>
    public IReadOnlyList<string> UnderWay { get; private set; } = [];

    /// <summary>Below the portal's link.</summary>
    public IReadOnlyList<string> PortalPages { get; private set; } = [];

    /// <summary>Pages that only a form leads to: where it is, and how it is sent.</summary>
    public IReadOnlyList<(string Page, Func<IPage, Task> Send)> Answers { get; private set; } = [];

    /// <summary>The same below the portal's link.</summary>
    public IReadOnlyList<(string Page, Func<IPage, Task> Send)> PortalAnswers { get; private set; } = [];

    public async Task<Gallery> Make()
    {
        await _one.WaitAsync();
        try
        {
            if (!_isMade)
            {
                await Fill();
                _isMade = true;
            }
            return this;
        }
        finally
        {
            _one.Release();
        }
    }

    public async Task<string> Portal(object? theme = null, string recipient = "customer_1") =>
        new Uri((await Server.Post($"/api/v1/apps/{App}/portal-sessions", new { recipient, theme, returnUrl = "https://customer.example/" })).Expect(201).Text("url")).AbsolutePath.TrimEnd('/');

    /// <summary>A link that was taken back.</summary>
    public async Task<string> PortalThatIsOver()
    {
        var session = (await Server.Post($"/api/v1/apps/{App}/portal-sessions", new { recipient = "customer_1", returnUrl = "https://customer.example/" })).Expect(201);
        (await Server.Delete($"/api/v1/apps/{App}/portal-sessions/{session.Text("portalSessionId")}")).Expect(200);
        return new Uri(session.Text("url")).AbsolutePath;
    }

    /// <summary>Where each write of the workspace's pages is sent to, by its route below the workspace: what an owner is shown.</summary>
    public async Task<IReadOnlyDictionary<string, string>> WriteAddresses()
    {
        using var owner = await PageClient.SignedIn(Server);
        var addresses = new Dictionary<string, string> { ["/ingest/events/replay"] = Base + "/ingest/events/replay" };
        foreach (var page in Pages.Where(page => page.StartsWith(Base, StringComparison.Ordinal)))
        {
            foreach (Match match in Action().Matches((await owner.Get(page)).Expect(200).Html))
            {
                if (PageRoutes.NameOf(Server, "POST", match.Groups[1].Value) is { } name && name.StartsWith("/w/", StringComparison.Ordinal))
                {
                    addresses.TryAdd(name["/w/{workspaceId}".Length..], match.Groups[1].Value);
                }
            }
        }
        return addresses;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isMade)
        {
            await Server.DisposeAsync();
            await Receiver.DisposeAsync();
        }
        _one.Dispose();
    }

    private async Task Fill()
    {
        Server = await TestServer.Start();
        Receiver = await ReceiverStub.Start();
        Receiver.Respond(async (_, http) =>
        {
            http.Response.StatusCode = Receiver.Count % 3 == 0 ? 503 : 200;
            http.Response.Headers["x-hostile"] = Hostile;
            await http.Response.WriteAsync(Receiver.Count % 2 == 0 ? Hostile : """{"received":true}""");
        });
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().First())!;
        Base = "/w/" + workspace.WorkspaceId;
        var dispatch = await FillDispatch();
        var ingest = await FillIngest();
        (await Server.Post("/api/v1/members/invitations", new { email = "grace@example.com", role = "viewer" })).Expect(201);
        (await Server.Post("/api/v1/api-keys", new { name = Hostile, scopes = new[] { "app:read" } })).Expect(201);
        await TestServer.Until(async () => (await Server.Get("/api/v1/ingest/issues")).Expect(200).Items.Length > 1);
        var issues = (await Server.Get("/api/v1/ingest/issues")).Expect(200).Items.Select(issue => "/issues/" + issue.GetProperty("issueId").GetString());
        Pages =
        [
            .. new[] { "", "/apps", "/apps/new", "/replays" }.Concat(dispatch).Concat(ingest).Append("/issues").Concat(issues)
                .Concat(["/settings/workspace", "/settings/keys", "/settings/members", "/settings/audit"]).Select(path => Base + path),
            "/account", "/account/codes",
        ];
        GatePages = ["/sign-in", "/forgotten-password", .. await Links(workspace)];
        FillAnswers();
    }

    private async Task<IReadOnlyList<string>> FillDispatch()
    {
        App = (await Server.Post("/api/v1/apps", new { name = Hostile })).Expect(201).Text("appId");
        foreach (var type in new[] { "invoice.paid", "invoice.created", "subscription.canceled" })
        {
            (await Server.Put($"/api/v1/apps/{App}/event-types/{type}", new { description = Hostile, examplePayload = new { text = Hostile } })).Expect(201);
        }
        var empty = await Server.CreateApp("shipment.created");
        (await Server.Put($"/api/v1/apps/{App}/recipients/customer_1", new { name = Hostile, metadata = new { note = Hostile } })).Expect(201);
        var endpoint = await Server.CreateEndpoint(App, Receiver.Url, new { name = Hostile, headers = new Dictionary<string, string> { ["x-tenant"] = "acme" }, eventTypes = new[] { "invoice.*" } });
        await Server.CreateEndpoint(App, new Uri("http://127.0.0.1:9/"), new { name = "Retired" });
        var paused = await Server.CreateEndpoint(App, Receiver.Url, null, "customer_2");
        (await Server.Patch($"/api/v1/apps/{App}/endpoints/{paused}", new { paused = true })).Expect(200);
        var disabled = await Server.CreateEndpoint(App, Receiver.Url, null, "customer_3");
        (await Server.Patch($"/api/v1/apps/{App}/endpoints/{disabled}", new { enabled = false })).Expect(200);
        var message = "";
        for (var i = 0; i < 12; i++)
        {
            message = await Server.Send(App, new { text = Hostile, nested = new { list = new object[] { 1, "two", true } } });
            await Server.Send(App, recipient: $"customer_{i % 4}", type: "subscription.canceled");
        }
        await Receiver.WaitFor(12);
        await Server.WaitForMessage(App, message, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() > 0);
        var later = (await Server.Post($"/api/v1/apps/{App}/messages", new { recipient = "customer_1", type = "invoice.paid", deliverAt = DateTimeOffset.UtcNow.AddDays(1) })).Expect(202).Text("messageId");
        (await Server.Post($"/api/v1/apps/{App}/messages", new { recipient = "customer_1", type = Hostile, data = new { } })).Expect(400);
        var replay = (await Server.Post($"/api/v1/apps/{App}/messages/{message}/replay", new { })).Expect(202).Text("replayId");
        // Held at an endpoint that is paused, it goes on.
        var running = (await Server.Post($"/api/v1/apps/{App}/endpoints/{paused}/replay", new { since = DateTimeOffset.UtcNow.AddHours(-1), status = "all" })).Expect(202).Text("replayId");
        var at = $"/apps/{App}";
        UnderWay = [$"{Base}{at}/messages/{later}", $"{Base}/replays/{running}"];
        PortalPages = ["", "/endpoints", "/endpoints/new", $"/endpoints/{endpoint}", $"/endpoints/{endpoint}/edit", $"/endpoints/{endpoint}/secret", "/messages", $"/messages/{message}", "/catalog"];
        return
        [
            $"{at}/messages", $"{at}/messages?status=failed&q=zzz", $"{at}/messages/{message}", $"{at}/messages/{later}", $"{at}/messages/send", $"{at}/recipients", $"{at}/recipients/customer_1",
            $"{at}/endpoints", $"{at}/endpoints/new", $"{at}/endpoints/{endpoint}", $"{at}/endpoints/{paused}", $"{at}/endpoints/{disabled}", $"{at}/endpoints/{endpoint}/settings", $"{at}/endpoints/{endpoint}/secret",
            $"{at}/event-types", $"{at}/event-types/new", $"{at}/event-types/invoice.paid", $"{at}/settings", $"{at}/explain", $"{at}/explain?recipient=customer_1&type=subscription.canceled", $"{at}/refused",
            $"/apps/{empty}/messages", $"/apps/{empty}/endpoints", $"/replays/{replay}", $"/replays/{running}",
        ];
    }

    private async Task<IReadOnlyList<string>> FillIngest()
    {
        var source = await Server.CreateSource(more: new { name = Hostile });
        var quiet = await Server.CreateSource("stripe", new { name = "Stripe" });
        var stopped = await Server.CreateSource("custom", new { name = "Stopped" }, secret: null);
        (await Server.Patch($"/api/v1/ingest/sources/{stopped.Id()}", new { enabled = false })).Expect(200);
        var destination = (await Server.Post("/api/v1/ingest/destinations", new { name = Hostile, sourceId = source.Id(), endpointUrl = Receiver.Url, transformExpression = "action" })).Expect(201).Text("destinationId");
        var received = "";
        for (var i = 0; i < 5; i++)
        {
            received = (await Server.DeliverGitHub(source, $"d-{i % 4}", new { action = Hostile, issue = new { id = 7, title = Hostile } }, type: i % 2 == 0 ? Hostile.Replace("\"", "") : "push", more: ("X-Hostile", Hostile))).Expect(200).Text("eventId");
        }
        (await Server.DeliverGitHub(source, "forged", secret: "wrong", type: Hostile.Replace("\"", ""))).Expect(401);
        var forged = (await Server.Events(source, "&signatureStatus=failed"))[0].GetProperty("eventId").GetString();
        return
        [
            "/ingest/sources", "/ingest/sources/new?vendor=stripe", "/ingest/sources/new?vendor=custom", "/ingest/sources/new", $"/ingest/sources/{source.Id()}", $"/ingest/sources/{source.Id()}/settings",
            $"/ingest/sources/{source.Id()}/refused", $"/ingest/sources/{quiet.Id()}", $"/ingest/sources/{stopped.Id()}", $"/ingest/sources/{source.Id()}/destinations/new", $"/ingest/destinations/{destination}",
            $"/ingest/destinations/{destination}/settings", "/ingest/events", "/ingest/events?q=zzz", $"/ingest/events/{received}", $"/ingest/events/{received}?view=raw", $"/ingest/events/{forged}",
        ];
    }

    /// <summary>Links that let somebody in once: to a workspace without an owner, as an invited person, and with a new password.</summary>
    private async Task<IReadOnlyList<string>> Links(Workspace workspace)
    {
        var services = Server.Services;
        await Server.CreateWorkspace("ownerless");
        var ownerless = (await services.GetRequiredService<WorkspaceStore>().Find("ownerless"))!;
        var links = services.GetRequiredService<AccessLinkStore>();
        var (_, invitation) = await links.Create(AccessLink.Invitation, workspace.No, null, "invited@example.com", Roles.Member, Actor.Command);
        using var somebody = await PageClient.SignedIn(Server, Roles.Viewer, "forgetful@example.com");
        var user = (await services.GetRequiredService<UserStore>().FindByEmail("forgetful@example.com"))!;
        var (_, reset) = await links.Create(AccessLink.Reset, null, user.No, user.Email, null, Actor.Command);
        return [(await services.GetRequiredService<FirstStart>().OwnerLinkOf(ownerless))!, AccessLink.PathOf(AccessLink.Invitation, invitation), AccessLink.PathOf(AccessLink.Reset, reset)];
    }

    private void FillAnswers()
    {
        var endpoint = Pages.First(page => page.EndsWith("/secret", StringComparison.Ordinal));
        var received = Pages.First(page => page.EndsWith("?view=raw", StringComparison.Ordinal)).Split('?')[0];
        var destination = Pages.First(page => page.Contains("/destinations/dst_", StringComparison.Ordinal) && page.EndsWith("/settings", StringComparison.Ordinal));
        Answers =
        [
            ($"{Base}/apps/new", page => Press(page, "/apps", ("name", new string('x', 300)))),
            ($"{Base}/apps/{App}/endpoints/new", page => Press(page, "/endpoints", ("recipient", "customer_1"), ("url", "ftp://example.com/" + Hostile))),
            ($"{Base}/apps/{App}/messages/send", page => Press(page, "/messages", ("recipient", "customer_1"), ("data", Hostile))),
            (endpoint, page => Press(page, "/secret/reveal")),
            ($"{Base}/ingest/events?q=push", page => Press(page, "/ingest/events/count")),
            (received, page => Press(page, "/verify")),
            (destination, page => page.EvaluateAsync("document.querySelector('button[formaction]').click()")),
            ($"{Base}/settings/keys", page => Press(page, "/settings/keys", ("name", Hostile))),
            ($"{Base}/settings/members", page => Press(page, "/settings/members/invite", ("email", "new@example.com"))),
            ("/account", page => Press(page, "/account/password", ("current", "wrong"), ("password", "short"))),
        ];
        PortalAnswers =
        [
            ("/endpoints/new", page => Press(page, "/endpoints", ("url", "ftp://example.com/" + Hostile))),
            (PortalPages.First(page => page.EndsWith("/secret", StringComparison.Ordinal)), page => Press(page, "/secret/reveal")),
        ];
    }

    /// <summary>Fills in a form of the page and sends it, whether or not the browser finds it complete: what the server makes of it is looked at.</summary>
    private static async Task Press(IPage page, string action, params (string Name, string Value)[] fields) => await page.EvaluateAsync(
        """
        ([action, fields]) => {
            const form = [...document.querySelectorAll('form[method=post]')].find(form => new URL(form.action).pathname.endsWith(action));
            for (const [name, value] of fields) form.elements[name].value = value;
            form.noValidate = true;
            (form.querySelector('button[type=submit]:not([formaction])') ?? document.querySelector(`button[form=${form.id}]`)).click();
        }
        """, new object[] { action, fields.Select(field => new[] { field.Name, field.Value }).ToArray() });

    [GeneratedRegex("(?:formaction|method=\"post\" action)=\"([^\"]*)\"")]
    private static partial Regex Action();
}
