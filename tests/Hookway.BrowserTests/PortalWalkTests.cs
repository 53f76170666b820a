using System.Net;
using Hookway.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Hookway.BrowserTests;

/// <summary>A customer's developer in the portal, embedded in another site's page: third-party cookies are blocked, with scripts and without.</summary>
public class PortalWalkTests(Browsers browsers)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task In_a_frame_of_another_site_an_endpoint_is_added_tested_rotated_and_sent_to_again(bool scripts)
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp("invoice.paid", "invoice.created");
        var url = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "customer_1", theme = new { mode = "light", primaryColor = "#0f766e" } })).Expect(201).Text("url");
        await using var site = await HostPage.Start($"<!doctype html><title>Customer</title><h1>Settings</h1><iframe title=\"Webhooks\" src=\"{url}\" width=\"1100\" height=\"900\"></iframe>");
        await using var walker = await Walker.Start(browsers, server.Address, scripts, others: [site.Address]);
        await walker.Page.GotoAsync(site.Address.AbsoluteUri);
        var portal = walker.Page.FrameLocator("iframe");

        await portal.GetByRole(AriaRole.Link, new() { Name = "Add an endpoint" }).First.ClickAsync();
        await portal.GetByLabel("URL").FillAsync(receiver.Url.AbsoluteUri);
        await portal.GetByLabel("Name").FillAsync("Production");
        await portal.GetByLabel("invoice.paid").CheckAsync();
        await portal.GetByRole(AriaRole.Button, new() { Name = "Add the endpoint" }).ClickAsync();
        await Expect(portal.GetByText("The endpoint is there.")).ToBeVisibleAsync();

        await portal.Locator("details.ask > summary", new() { HasText = "Send a test" }).ClickAsync();
        await portal.GetByLabel("Event", new() { Exact = true }).SelectOptionAsync("invoice.paid");
        await portal.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }).ClickAsync();
        await Expect(portal.GetByText("The test message is on its way.")).ToBeVisibleAsync();
        await receiver.WaitFor(1);
        await portal.GetByRole(AriaRole.Link, new() { Name = "Messages" }).First.ClickAsync();
        await portal.GetByRole(AriaRole.Link, new() { Name = "invoice.paid" }).ClickAsync();
        await Expect(portal.Locator("details.attempt[open] .headers").GetByText("webhook-signature")).ToBeVisibleAsync();
        await portal.GetByRole(AriaRole.Button, new() { Name = "Resend" }).ClickAsync();
        await Expect(portal.GetByText("It is delivered again.")).ToBeVisibleAsync();
        await receiver.WaitFor(2);

        await portal.GetByRole(AriaRole.Link, new() { Name = "Endpoints" }).First.ClickAsync();
        await portal.GetByRole(AriaRole.Link, new() { Name = "Production" }).ClickAsync();
        await portal.GetByRole(AriaRole.Link, new() { Name = "Secret" }).ClickAsync();
        await portal.GetByRole(AriaRole.Button, new() { Name = "Reveal" }).ClickAsync();
        var secret = await portal.Locator("#secret").TextContentAsync();
        secret!.ShouldStartWith("whsec_");
        await portal.GetByRole(AriaRole.Button, new() { Name = "Rotate the secret" }).ClickAsync();
        await Expect(portal.GetByText("The secret is rotated.")).ToBeVisibleAsync();
        (await portal.Locator("#secret").TextContentAsync()).ShouldNotBe(secret);

        (await walker.Cookies()).ShouldBeEmpty();
        // One test, one resend, both under the message's id, the second signed by the secret of then.
        receiver.Requests.Select(request => request.Headers["webhook-id"]).Distinct().Count().ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task In_a_frame_links_that_have_expired_or_were_revoked_say_so_and_others_ids_are_not_there(bool scripts)
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp("invoice.paid");
        var theirs = await server.CreateEndpoint(app, receiver.Url, new { name = "Theirs" }, "customer_2");
        var message = await server.Send(app, new { amount = 9 }, "customer_2");
        await server.WaitForMessage(app, message, "succeeded");
        await using var site = await HostPage.Start("<!doctype html><title>Customer</title><h1>Settings</h1><p>Back at the customer's</p>");
        var session = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "customer_1", returnUrl = site.Address, expiresInSeconds = 60 })).Expect(201);
        var second = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "customer_1", returnUrl = site.Address })).Expect(201);
        await using var frames = await HostPage.Start(string.Concat(new[] { session, second }.Select(one => $"<iframe title=\"{one.Text("portalSessionId")}\" src=\"{one.Text("url")}\" width=\"900\" height=\"600\"></iframe>")));
        await using var walker = await Walker.Start(browsers, server.Address, scripts, others: [site.Address, frames.Address]);
        await walker.Page.GotoAsync(frames.Address.AbsoluteUri);
        var (first, other) = (walker.Page.FrameLocator("iframe >> nth=0"), walker.Page.FrameLocator("iframe >> nth=1"));
        await Expect(first.GetByText("No endpoint yet")).ToBeVisibleAsync();
        await Expect(other.GetByText("No endpoint yet")).ToBeVisibleAsync();

        // Another recipient's ids, in addresses and in a form that is sent by hand.
        walker.Expected.UnionWith([404, 410]);
        var portal = new Uri(second.Text("url")).AbsolutePath.TrimEnd('/');
        await using var stranger = await Walker.Start(browsers, server.Address, scripts);
        stranger.Expected.Add(404);
        foreach (var path in new[] { $"/endpoints/{theirs}", $"/endpoints/{theirs}/edit", $"/endpoints/{theirs}/secret", $"/messages/{message}" })
        {
            (await stranger.Page.GotoAsync(portal + path))!.Status.ShouldBe(404);
            await Expect(stranger.Page.GetByText("Theirs")).ToHaveCountAsync(0);
        }
        await stranger.Page.GotoAsync(portal + "/endpoints/new");
        await stranger.Page.EvaluateAsync("action => { const form = document.forms[0]; form.action = action; form.submit(); }", $"{portal}/endpoints/{theirs}/delete");
        await Expect(stranger.Page.GetByRole(AriaRole.Heading, new() { Name = "Nothing is here" })).ToBeVisibleAsync();
        (await server.Get($"/api/v1/apps/{app}/endpoints/{theirs}")).Expect(200).Text("status").ShouldBe("healthy");

        // One is taken back, the other ends by itself.
        (await server.Delete($"/api/v1/apps/{app}/portal-sessions/{second.Text("portalSessionId")}")).Expect(200);
        await other.GetByRole(AriaRole.Link, new() { Name = "Event catalog" }).ClickAsync();
        await Expect(other.GetByRole(AriaRole.Heading, new() { Name = "This link was closed" })).ToBeVisibleAsync();
        clock.Skip(TimeSpan.FromSeconds(61));
        await first.GetByRole(AriaRole.Link, new() { Name = "Messages" }).ClickAsync();
        await Expect(first.GetByRole(AriaRole.Heading, new() { Name = "This link has expired" })).ToBeVisibleAsync();
        await first.GetByRole(AriaRole.Link, new() { Name = "Go back" }).ClickAsync();
        await Expect(walker.Page.GetByText("Back at the customer's")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_dashboard_cannot_be_framed()
    {
        await using var server = await TestServer.Start();
        await using var site = await HostPage.Start($"<!doctype html><title>Evil</title><iframe title=\"x\" src=\"{server.Address}sign-in\" width=\"900\" height=\"700\"></iframe>");
        await using var walker = await Walker.Start(browsers, server.Address, others: [site.Address]);
        var refused = false;
        walker.Page.Console += (_, message) => refused |= message.Text.Contains("frame-ancestors", StringComparison.Ordinal) || message.Text.Contains("X-Frame-Options", StringComparison.Ordinal);
        await walker.Page.GotoAsync(site.Address.AbsoluteUri);
        await TestServer.Until(() => walker.Page.Frames.Count == 2);
        await Expect(walker.Page.FrameLocator("iframe").GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToHaveCountAsync(0);
        await TestServer.Until(() => refused);
        walker.Forgive();
    }

    /// <summary>A page of another site: another host and port than the server's.</summary>
    private sealed class HostPage : IAsyncDisposable
    {
        private readonly WebApplication _app;

        private HostPage(string html)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            _app = builder.Build();
            _app.Run(http =>
            {
                http.Response.ContentType = "text/html";
                http.Response.StatusCode = http.Request.Path == "/" ? 200 : 204;
                return http.Request.Path == "/" ? http.Response.WriteAsync(html) : Task.CompletedTask;
            });
        }

        public Uri Address => new($"http://localhost:{new Uri(_app.Urls.First()).Port}/");

        public static async Task<HostPage> Start(string html)
        {
            var page = new HostPage(html);
            await page._app.StartAsync();
            return page;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
