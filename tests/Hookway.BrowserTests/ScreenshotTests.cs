using Hookway.Hosting.Demo;
using Hookway.Tests.Support;
using Microsoft.Playwright;

namespace Hookway.BrowserTests;

/// <summary>The pictures in docs/images, taken of the demo when HOOKWAY_UPDATE_DOCS=1; otherwise that its pages can be shown, without taking any.</summary>
public class ScreenshotTests(Browsers browsers)
{
    private static readonly bool Update = Environment.GetEnvironmentVariable("HOOKWAY_UPDATE_DOCS") == "1";

    [Fact]
    public async Task The_demo_has_something_to_show_on_the_main_pages()
    {
        // Pictures are of a demo that has lived through its hour.
        var clock = new DemoClock(Update ? DemoServer.FirstTime : TimeSpan.FromMinutes(10));
        await using var server = await TestServer.Start(clock: clock);
        var (demo, line) = await DemoServer.Start(server.Services, server.Address);
        await using var _ = demo;
        line.ShouldContain("Sign in as demo@example.com with the password ");
        var apps = (await server.Get("/api/v1/apps")).Expect(200).Items;
        var app = apps.Single(found => found.GetProperty("name").GetString() == "Billing events").GetProperty("appId").GetString()!;
        await TestServer.Until(() => clock.Behind == TimeSpan.Zero);
        var first = (await server.Get($"/api/v1/apps/{app}/messages?limit=250")).Expect(200).Items[^1].GetProperty("createdAt").GetDateTimeOffset();
        first.ShouldBeLessThan(clock.GetUtcNow().AddMinutes(-8));
        if (Update)
        {
            // The first retries come after five seconds.
            await Task.Delay(TimeSpan.FromSeconds(12), TestContext.Current.CancellationToken);
        }
        var endpoint = (await server.Get($"/api/v1/apps/{app}/endpoints?recipient=customer_initech")).Expect(200).Items[0].GetProperty("endpointId").GetString();
        var retried = (await server.Get($"/api/v1/apps/{app}/messages?recipient=customer_initech&limit=100")).Expect(200).Items
            .OrderByDescending(message => message.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32()).First().GetProperty("messageId").GetString();
        var source = (await server.Get("/api/v1/ingest/sources")).Expect(200).Items.Single(found => found.GetProperty("vendor").GetString() == "stripe");
        await TestServer.Until(async () => (await server.Events(source, "&signatureStatus=failed")).Length > 0 && (await server.Get("/api/v1/ingest/issues?kind=late_event")).Expect(200).Items.Length > 0, patience: TimeSpan.FromMinutes(3));
        var received = (await server.Events(source, "&type=invoice.paid&signatureStatus=verified"))[0].GetProperty("eventId").GetString();
        var late = (await server.Get("/api/v1/ingest/issues?kind=late_event")).Expect(200).Items[0].GetProperty("issueId").GetString();
        var portal = new Uri((await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "customer_acme", theme = new { mode = "auto", primaryColor = "#0f766e" } })).Expect(201).Text("url")).AbsolutePath;
        foreach (var theme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await using var walker = await Walker.Start(browsers, server.Address, theme: theme, width: 1280, height: 900);
            var words = line.Split(' ');
            await walker.Page.GotoAsync("/sign-in");
            await walker.Page.GetByLabel("E-mail").FillAsync(words[3]);
            await walker.Page.GetByLabel("Password").FillAsync(words[^1]);
            await walker.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
            await Assertions.Expect(walker.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
            var workspace = new Uri(walker.Page.Url).AbsolutePath;
            foreach (var (name, path) in new[]
            {
                ("overview", workspace), ("messages", $"{workspace}/apps/{app}/messages"), ("message", $"{workspace}/apps/{app}/messages/{retried}"),
                ("endpoint", $"{workspace}/apps/{app}/endpoints/{endpoint}"), ("portal", portal),
                ("explain", $"{workspace}/apps/{app}/explain?recipient=customer_umbrella&type=invoice.paid"), ("source", $"{workspace}/ingest/sources/{source.Id()}"), ("ledger", $"{workspace}/ingest/events"),
                ("event", $"{workspace}/ingest/events/{received}"), ("issue", $"{workspace}/issues/{late}"),
            })
            {
                (await walker.Page.GotoAsync(path))!.Status.ShouldBe(200);
                if (Update)
                {
                    await walker.Page.ScreenshotAsync(new() { Path = Path.Combine(Repository.Root, "docs", "images", $"{name}-{theme.ToString().ToLowerInvariant()}.png") });
                }
            }
        }
    }
}
