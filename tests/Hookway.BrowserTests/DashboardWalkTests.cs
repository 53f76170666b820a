using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Sessions;
using Hookway.Tests.Support;
using Hookway.Ui;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Hookway.BrowserTests;

/// <summary>What people do in the dashboard, done in a real browser.</summary>
public class DashboardWalkTests(Browsers browsers)
{
    [Fact]
    public async Task From_the_set_up_link_to_the_attempts_of_the_first_message()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        await using var walker = await Walker.Start(browsers, server.Address);
        var page = walker.Page;
        await page.GotoAsync((await server.Services.GetRequiredService<FirstStart>().MakeOwnerLink())!);
        await page.GetByLabel("Workspace").FillAsync("Acme");
        await page.GetByLabel("Your name").FillAsync("Ada Lovelace");
        await page.GetByLabel("E-mail").FillAsync("ada@example.com");
        await page.GetByLabel("Password").FillAsync(Walker.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Create the workspace" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();

        // A key, shown once, that works.
        await page.GetByRole(AriaRole.Link, new() { Name = "API keys" }).First.ClickAsync();
        await page.GetByLabel("Name").FillAsync("Backend");
        await page.GetByLabel("*", new() { Exact = false }).First.CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the key" }).ClickAsync();
        var key = await page.Locator("#new-key").TextContentAsync();
        (await server.Get("/api/v1/apps", key)).Expect(200);
        await walker.Reload();

        // An app, a type, an endpoint, a message.
        await page.GotoAsync(new Uri(page.Url).AbsolutePath.Split("/settings")[0] + "/apps/new");
        await page.GetByLabel("Name").FillAsync("Billing events");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create the app" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Event types" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Publish a type" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("invoice.paid");
        await page.GetByLabel("Example").FillAsync("{ \"amount\": 4200 }");
        await page.GetByRole(AriaRole.Button, new() { Name = "Publish" }).ClickAsync();
        await Expect(page.GetByText("Saved.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Billing events" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Endpoints" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Add an endpoint" }).ClickAsync();
        await page.GetByLabel("Recipient").FillAsync("customer_1");
        await page.GetByLabel("URL").FillAsync(receiver.Url.AbsoluteUri);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add the endpoint" }).ClickAsync();
        await Expect(page.GetByText("Created.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Billing events" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Send a message" }).ClickAsync();
        await page.GetByLabel("Recipient").FillAsync("customer_1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Send" }).ClickAsync();

        await receiver.WaitFor(1);
        await TestServer.Until(async () =>
        {
            await walker.Reload();
            return await page.GetByRole(AriaRole.Heading, new() { Name = "invoice.paid succeeded" }).IsVisibleAsync();
        });
        await Expect(page.Locator("details.attempt[open] .headers").GetByText("webhook-signature")).ToBeVisibleAsync();
        await Expect(page.Locator("svg.timeline circle.node-good")).ToHaveCountAsync(1);
        (await walker.Cookies()).ShouldAllBe(cookie => cookie.HttpOnly && cookie.SameSite == SameSiteAttribute.Lax);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_failing_delivery_of_a_recipient_is_found_and_replayed(bool scripts)
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(410);
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 }, "customer_123");
        var failed = await server.Send(app, new { amount = 7 }, "customer_123");
        await server.WaitForMessage(app, failed, found => found.GetProperty("status").GetString() is "failed" or "canceled");
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = true })).Expect(200);
        receiver.RespondWith(200);
        await using var walker = await Walker.Start(browsers, server.Address, scripts);
        await walker.SignIn(server);
        var page = walker.Page;

        // Why did they not get it? Asked on the first page, answered on the next.
        await page.GetByLabel("Recipient").FillAsync("customer_123");
        await page.GetByLabel("Event type").FillAsync("invoice.paid");
        await page.GetByRole(AriaRole.Button, new() { Name = "Explain" }).ClickAsync();
        await Expect(page.Locator(".answer")).ToContainTextAsync("customer_123");

        await page.GetByRole(AriaRole.Link, new() { Name = "Apps", Exact = true }).First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Billing events" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Recipients" }).ClickAsync();
        await page.GetByRole(AriaRole.Searchbox, new() { Name = "Find" }).FillAsync("customer_1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Find" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "customer_123" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "invoice.paid" }).ClickAsync();
        await Expect(page.Locator("details.attempt[open] .status-line").GetByText("410")).ToBeVisibleAsync();
        await page.Locator("details.ask > summary", new() { HasText = "Replay" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Deliver it again" }).ClickAsync();
        await Expect(page.GetByText("The replay is accepted.")).ToBeVisibleAsync();

        await server.WaitForMessage(app, failed, "succeeded");
        await walker.Reload();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "invoice.paid succeeded" })).ToBeVisibleAsync();
        await Expect(page.Locator("svg.timeline circle.node-bad")).ToHaveCountAsync(1);
        await Expect(page.Locator("svg.timeline circle.node-good")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Link, new() { Name = "Replays" }).First.ClickAsync();
        await Expect(page.Locator(".badge", new() { HasText = "completed" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_message_appears_while_one_looks_until_one_pauses()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        await using var walker = await Walker.Start(browsers, server.Address);
        await walker.SignIn(server);
        var page = walker.Page;
        await page.GotoAsync($"{new Uri(page.Url).AbsolutePath}/apps/{app}/messages");
        await Expect(page.GetByText("No message yet")).ToBeVisibleAsync();
        var first = await server.Send(app, recipient: "customer_live");
        await Expect(page.Locator($"#row-{first}")).ToBeVisibleAsync();
        await Expect(page.GetByText("No message yet")).ToHaveCountAsync(0);

        await page.GetByRole(AriaRole.Button, new() { Name = "Live" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Paused" })).ToBeVisibleAsync();
        var second = await server.Send(app);
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        await Expect(page.Locator($"#row-{second}")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_keyboard_reaches_everything_and_Escape_closes_what_is_open()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        await server.Send(app);
        await using var walker = await Walker.Start(browsers, server.Address);
        await walker.SignIn(server);
        var page = walker.Page;
        await page.GotoAsync($"{new Uri(page.Url).AbsolutePath}/apps/{app}/messages");

        await page.Keyboard.PressAsync("Tab");
        (await Focused(page)).ShouldBe("Skip to the content");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("details.menu[open]")).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("details.menu[open]")).ToHaveCountAsync(0);
        await page.Keyboard.PressAsync("/");
        (await page.EvaluateAsync<string>("document.activeElement.type")).ShouldBe("search");
        for (var i = 0; i < 40 && !(await Focused(page)).StartsWith("invoice.paid", StringComparison.Ordinal); i++)
        {
            await page.Keyboard.PressAsync("Tab");
            // Whatever has the focus shows it.
            (await page.EvaluateAsync<bool>("(() => { const e = document.activeElement, s = getComputedStyle(e), a = getComputedStyle(e, '::after'); return s.outlineStyle !== 'none' || s.boxShadow !== 'none' || a.outlineStyle !== 'none'; })()")).ShouldBeTrue(await Focused(page));
        }
        await page.Keyboard.PressAsync("Enter");
        await Expect(page).ToHaveURLAsync(new Regex("/messages/msg_"));
    }

    [Fact]
    public async Task The_theme_is_chosen_without_a_script_and_kept()
    {
        await using var server = await TestServer.Start();
        await using var walker = await Walker.Start(browsers, server.Address, scripts: false);
        await walker.SignIn(server);
        var page = walker.Page;
        await page.Locator(".side summary.me").ClickAsync();
        await page.Locator(".side").GetByRole(AriaRole.Button, new() { Name = "Dark" }).ClickAsync();
        await Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await walker.Reload();
        await Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await page.Locator(".side summary.me").ClickAsync();
        await page.Locator(".side").GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_second_step_is_turned_on_by_what_a_phone_reads_and_asked_for_at_the_next_sign_in()
    {
        await using var server = await TestServer.Start();
        await using var walker = await Walker.Start(browsers, server.Address);
        var email = await walker.SignIn(server);
        var page = walker.Page;
        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Link, new() { Name = "Turn it on" }).ClickAsync();
        var folder = Path.Combine(Repository.Tests, "npm");
        await Npm.Run(folder, "--version");
        await page.EvaluateAsync(await File.ReadAllTextAsync(Path.Combine(folder, "node_modules", "jsqr", "dist", "jsQR.js"), TestContext.Current.CancellationToken));
        foreach (var text in new[] { 1, 60, 90, 130, 200, 300, 450, 600 }.Select(length => string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i * i % 26))))))
        {
            (await Scan(page, QrCode.Of(text).Path(), QrCode.Of(text).Side)).ShouldBe(text);
        }
        var shown = page.Locator("svg.qr");
        var uri = await Scan(page, (await shown.Locator("path").GetAttributeAsync("d"))!, int.Parse((await shown.GetAttributeAsync("viewBox"))!.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture));
        uri.ShouldBe($"otpauth://totp/Hookway:{Uri.EscapeDataString(email)}?secret={await page.Locator("#key").TextContentAsync()}&issuer=Hookway");
        var secret = Convert.FromHexString((await page.Locator("input[name=secret]").GetAttributeAsync("value"))!);
        await page.GetByLabel("The code it shows now").FillAsync(OneTimeCodes.CodeAt(secret, DateTimeOffset.UtcNow));
        await page.GetByLabel("Your password").FillAsync(Walker.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Turn it on" }).ClickAsync();
        await Expect(page.GetByText("The second step is on.")).ToBeVisibleAsync();
        var recovery = (await page.Locator("pre").TextContentAsync())!.Split('\n')[0].Trim();

        await page.Locator(".side summary.me").ClickAsync();
        await page.Locator(".side").GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByLabel("E-mail").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(Walker.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Enter the code" })).ToBeVisibleAsync();
        await page.GetByLabel("Code").FillAsync(recovery);
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
    }

    /// <summary>What a reader of QR codes makes of a drawing.</summary>
    private static Task<string> Scan(IPage page, string path, int side) => page.EvaluateAsync<string>(
        """
        async ([path, side]) => {
            const image = new Image();
            image.src = 'data:image/svg+xml;base64,' + btoa(`<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="0 0 ${side} ${side}"><rect width="100%" height="100%" fill="#fff"/><path d="${path}"/></svg>`);
            await image.decode();
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 800;
            const pen = canvas.getContext('2d');
            pen.drawImage(image, 0, 0, 800, 800);
            return jsQR(pen.getImageData(0, 0, 800, 800).data, 800, 800)?.data ?? 'nothing that can be read';
        }
        """, new object[] { path, side });

    private static Task<string> Focused(IPage page) => page.EvaluateAsync<string>("document.activeElement.textContent.trim()");
}
