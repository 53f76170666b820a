using System.Security.Cryptography;
using System.Text;
using Hookway.Access.Members;
using Hookway.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Hookway.BrowserTests;

/// <summary>Sources, events and issues, in a real browser.</summary>
public class IngestWalkTests(Browsers browsers)
{
    private const string Secret = "whsec_made_by_stripe";

    [Fact]
    public async Task A_Stripe_source_is_made_and_its_first_event_arrives_live_is_opened_and_forwarded_again()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        await using var walker = await Walker.Start(browsers, server.Address);
        await walker.SignIn(server, Roles.Member);
        var page = walker.Page;
        await page.GetByRole(AriaRole.Link, new() { Name = "Sources" }).First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "New source" }).ClickAsync();
        await page.GetByRole(AriaRole.Searchbox, new() { Name = "Find a vendor" }).FillAsync("stripe");
        await page.GetByRole(AriaRole.Button, new() { Name = "Find" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Stripe", Exact = false }).First.ClickAsync();
        await page.GetByLabel("Signing secret").FillAsync(Secret);
        await page.GetByRole(AriaRole.Button, new() { Name = "Create the source" }).ClickAsync();
        await Expect(page.GetByText("Waiting for the first event")).ToBeVisibleAsync();
        var url = new Uri((await page.Locator("#ingest-url").TextContentAsync())!);
        var source = page.Url;
        await page.GetByRole(AriaRole.Link, new() { Name = "Add" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("Billing");
        await page.GetByLabel("URL").FillAsync(receiver.Url.AbsoluteUri);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add the destination" }).ClickAsync();
        await Expect(page.GetByText("Created.")).ToBeVisibleAsync();
        await page.GotoAsync(source);

        var body = Encoding.UTF8.GetBytes("""{"id":"evt_1","object":"event","created":1790000000,"type":"invoice.paid","data":{"object":{"id":"in_77","object":"invoice","amount_paid":4200}}}""");
        var time = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.UTF8.GetBytes(time + "."), .. body];
        var id = (await server.Deliver(url.AbsolutePath, body, headers: [("Stripe-Signature", $"t={time},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), signed))}")])).Expect(200).Text("eventId");

        await Expect(page.Locator($"#row-{id}")).ToBeVisibleAsync();
        await Expect(page.GetByText("Waiting for the first event")).ToHaveCountAsync(0);
        await page.Locator($"#row-{id}").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "invoice.paid verified" })).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "body", Exact = true }).GetByText("amount_paid")).ToBeVisibleAsync();
        await receiver.WaitFor(1);
        await page.Locator("details.ask > summary", new() { HasText = "Replay" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Forward it again" }).ClickAsync();
        await Expect(page.GetByText("The replay is accepted.")).ToBeVisibleAsync();
        await receiver.WaitFor(2);
        await TestServer.Until(async () =>
        {
            await walker.Reload();
            return await page.Locator("details.attempt").CountAsync() == 2;
        });
        await page.GetByRole(AriaRole.Link, new() { Name = "in_77" }).ClickAsync();
        await Expect(page.Locator($"#row-{id}")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_forged_event_opens_an_issue_that_is_looked_into_and_resolved(bool scripts)
    {
        await using var server = await TestServer.Start();
        var source = await server.CreateSource(more: new { name = "Deployments" });
        (await server.DeliverGitHub(source, "forged", secret: "wrong")).Expect(401);
        await TestServer.Until(async () => (await server.Get("/api/v1/ingest/issues")).Expect(200).Items.Length > 0);
        await using var walker = await Walker.Start(browsers, server.Address, scripts);
        await walker.SignIn(server, Roles.Member);
        var page = walker.Page;
        await page.GetByRole(AriaRole.Link, new() { Name = "Open issues" }).ClickAsync();
        await page.Locator("a.row-link").First.ClickAsync();
        await page.Locator("section", new() { HasText = "Evidence" }).Locator("a.row-link").First.ClickAsync();
        await Expect(page.GetByText("none matched")).ToBeVisibleAsync();
        await page.GoBackAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Acknowledge" }).ClickAsync();
        await Expect(page.GetByText("Acknowledged: somebody looks after it.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Resolve" }).ClickAsync();
        await Expect(page.GetByText("Resolved. When the same cause")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Overview" }).First.ClickAsync();
        await Expect(page.GetByText("nothing needs a look")).ToBeVisibleAsync();
    }
}
