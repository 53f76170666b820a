using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Hookway.BrowserTests;

/// <summary>The ways in over plain http under a name that browsers do not trust: they say less there of where a form comes from.</summary>
public class GateWalkTests(Browsers browsers)
{
    [Fact]
    public async Task Set_up_sign_in_invitation_and_reset_work_over_plain_http_under_any_name()
    {
        await using var server = await TestServer.Start();
        var address = new UriBuilder(server.Address) { Host = Browsers.PlainName }.Uri;
        await using var ada = await Walker.Start(browsers, address);
        await ada.Page.GotoAsync((await server.Services.GetRequiredService<FirstStart>().MakeOwnerLink())!);
        (await ada.Page.EvaluateAsync<bool>("window.isSecureContext")).ShouldBeFalse();
        await ada.Page.GetByLabel("Workspace").FillAsync("Acme");
        await ada.Page.GetByLabel("Your name").FillAsync("Ada Lovelace");
        await ada.Page.GetByLabel("E-mail").FillAsync("ada@example.com");
        await ada.Page.GetByLabel("Password").FillAsync(Walker.Password);
        await ada.Page.GetByRole(AriaRole.Button, new() { Name = "Create the workspace" }).ClickAsync();
        await Expect(ada.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();

        await ada.Page.Locator("summary.me:visible").ClickAsync();
        await ada.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await SignIn(ada.Page, Walker.Password);

        await ada.Page.GetByRole(AriaRole.Link, new() { Name = "Members" }).First.ClickAsync();
        await ada.Page.GetByLabel("E-mail").FillAsync("grace@example.com");
        await ada.Page.GetByRole(AriaRole.Button, new() { Name = "Make an invitation" }).ClickAsync();
        var link = (await ada.Page.Locator("#link").TextContentAsync())!;
        link.ShouldStartWith(address.AbsoluteUri + "join/");
        await using var grace = await Walker.Start(browsers, address);
        await grace.Page.GotoAsync(link);
        await grace.Page.GetByLabel("Your name").FillAsync("Grace Hopper");
        await grace.Page.GetByLabel("Password").FillAsync(Walker.Password);
        await grace.Page.GetByRole(AriaRole.Button, new() { Name = "Join" }).ClickAsync();
        await Expect(grace.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();

        var user = (await server.Services.GetRequiredService<UserStore>().FindByEmail("ada@example.com"))!;
        var (_, token) = await server.Services.GetRequiredService<AccessLinkStore>().Create(AccessLink.Reset, null, user.No, user.Email, null, Actor.Command);
        await ada.Page.GotoAsync(AccessLink.PathOf(AccessLink.Reset, token));
        await ada.Page.GetByLabel("New password").FillAsync("a second long password");
        await ada.Page.GetByRole(AriaRole.Button, new() { Name = "Set the password" }).ClickAsync();
        await SignIn(ada.Page, "a second long password");
    }

    private static async Task SignIn(IPage page, string password)
    {
        await page.GetByLabel("E-mail").FillAsync("ada@example.com");
        await page.GetByLabel("Password").FillAsync(password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
    }
}
