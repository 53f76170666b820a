using Hookway.Access.Members;
using Hookway.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Hookway.BrowserTests;

/// <summary>Each role in a real browser: where the navigation leads, which buttons there are on all the pages together, and that what has none is refused when it is sent all the same.</summary>
public class RoleWalkTests(Browsers browsers, Gallery gallery)
{
    /// <summary>Links to pages that write, and the least role that is shown them.</summary>
    private static readonly (string Path, string Least)[] WritingPages =
    [
        ("/apps/new", Roles.Admin), ("/event-types/new", Roles.Admin), ("/messages/send", Roles.Member), ("/endpoints/new", Roles.Member), ("/sources/new", Roles.Member), ("/destinations/new", Roles.Member),
    ];

    [Theory]
    [InlineData(Roles.Viewer)]
    [InlineData(Roles.Member)]
    [InlineData(Roles.Admin)]
    [InlineData(Roles.Owner)]
    public async Task Each_role_is_shown_what_it_may_do_and_refused_the_rest(string role)
    {
        await gallery.Make();
        await using var walker = await Walker.Start(browsers, gallery.Server.Address);
        await walker.SignIn(gallery.Server, role);
        var page = walker.Page;

        // The navigation is the same for all, and leads to pages that are shown to all.
        (await page.Locator(".side nav[aria-label=Workspace] a").AllTextContentsAsync())
            .ShouldBe(["Overview", "Apps", "Replays", "Sources", "Ledger", "Issues", "API keys", "Members", "Limits and use", "Audit log"]);
        HashSet<string> shown = [];
        HashSet<string> links = [];
        // One address of each page, and those where work is under way, which can be canceled.
        foreach (var path in gallery.Pages.Where(path => path.StartsWith("/w/", StringComparison.Ordinal)).DistinctBy(path => PageRoutes.NameOf(gallery.Server, "GET", path)).Concat(gallery.UnderWay))
        {
            (await page.GotoAsync(path, new() { WaitUntil = WaitUntilState.DOMContentLoaded }))!.Status.ShouldBe(200, path);
            await Collect(page, shown, links);
        }
        if (PageWrites.May(role, "/ingest/events/count"))
        {
            await page.GotoAsync(gallery.Base + "/ingest/events");
            await page.GetByRole(AriaRole.Button, new() { Name = "Replay all that match…" }).ClickAsync();
            await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Replay events" })).ToBeVisibleAsync();
            await Collect(page, shown, links);
        }

        shown.Order(StringComparer.Ordinal).ShouldBe(PageWrites.Least.Keys.Where(write => PageWrites.May(role, write)).Order(StringComparer.Ordinal));
        foreach (var (path, least) in WritingPages)
        {
            links.Any(link => link.EndsWith(path, StringComparison.Ordinal)).ShouldBe(Roles.All.ToList().IndexOf(role) <= Roles.All.ToList().IndexOf(least), path);
        }

        await ForceTheRest(walker, role);
    }

    [Fact]
    public async Task Owners_are_changed_by_owners_alone()
    {
        await gallery.Make();
        await using var owner = await Walker.Start(browsers, gallery.Server.Address);
        await owner.SignIn(gallery.Server, Roles.Owner, "Olive Owner");
        // There is always one owner left.
        using var another = await PageClient.SignedIn(gallery.Server);
        await using var admin = await Walker.Start(browsers, gallery.Server.Address);
        await admin.SignIn(gallery.Server, Roles.Admin, "Adam Admin");
        var members = gallery.Base + "/settings/members";
        await owner.Page.GotoAsync(members);
        await admin.Page.GotoAsync(members);

        await Expect(owner.Page.GetByLabel("Role of Olive Owner").Locator("option")).ToHaveTextAsync(["owner", "admin", "member", "viewer"]);
        await Expect(admin.Page.GetByLabel("Role of Olive Owner")).ToHaveCountAsync(0);
        await Expect(admin.Page.GetByLabel("Role of Adam Admin").Locator("option")).ToHaveTextAsync(["admin", "member", "viewer"]);
        await Expect(admin.Page.GetByLabel("Role", new() { Exact = true }).Locator("option")).ToHaveTextAsync(["admin", "member", "viewer"]);

        var action = await owner.Page.Locator("tr", new() { HasText = "Olive Owner" }).Locator("form[action$='/role']").GetAttributeAsync("action");
        admin.Expected.Add(403);
        await Send(admin.Page, action!, "viewer");
        await Expect(admin.Page.GetByRole(AriaRole.Heading, new() { Name = "Not for you" })).ToBeVisibleAsync();
        await owner.Page.ReloadAsync();
        await Expect(owner.Page.GetByLabel("Role of Olive Owner")).ToHaveValueAsync("owner");

        await Send(owner.Page, action!, "admin");
        await Expect(owner.Page.GetByText("Saved.")).ToBeVisibleAsync();
        await Expect(owner.Page.Locator(".side summary.me")).ToContainTextAsync("admin");
    }

    private async Task Collect(IPage page, HashSet<string> shown, HashSet<string> links)
    {
        var forms = await page.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('form[method=post]')].map(f => new URL(f.action).pathname).concat([...document.querySelectorAll('[formaction]')].map(b => new URL(b.formAction).pathname))");
        shown.UnionWith(forms.Where(action => action.StartsWith(gallery.Base, StringComparison.Ordinal)).Select(action => PageRoutes.NameOf(gallery.Server, "POST", action)!["/w/{workspaceId}".Length..]));
        if (WritingPages.Any(writing => new Uri(page.Url).AbsolutePath.EndsWith(writing.Path, StringComparison.Ordinal)))
        {
            // Whoever came here by its address is told who may write.
            return;
        }
        links.UnionWith(await page.EvaluateAsync<string[]>("[...document.querySelectorAll('main a[href]')].map(a => new URL(a.getAttribute('href'), location).pathname)"));
    }

    /// <summary>Sends every write that the role may not do from a page of its session, with the token of the session: all are refused, and nothing is changed.</summary>
    private async Task ForceTheRest(Walker walker, string role)
    {
        var refused = PageWrites.Least.Keys.Where(write => !PageWrites.May(role, write)).ToList();
        if (refused.Count == 0)
        {
            return;
        }
        walker.Expected.Add(403);
        var actions = await gallery.WriteAddresses();
        var before = await State();
        // A page that stays as it is: those whose work goes on load themselves again.
        await walker.Page.GotoAsync("/account");
        foreach (var write in refused)
        {
            var status = await walker.Page.EvaluateAsync<int>(
                """
                async action => (await fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ _token: document.querySelector('[name=_token]').value, name: 'Forced', recipient: 'forced', role: 'owner', verb: 'resolve' }) })).status
                """, actions[write]);
            status.ShouldBe(403, $"{role}: {write}");
        }
        // What the person sees of it.
        await Send(walker.Page, actions["/settings/keys/{keyId}/revoke"], "owner");
        await Expect(walker.Page.GetByRole(AriaRole.Heading, new() { Name = "Not for you" })).ToBeVisibleAsync();
        (await State()).ShouldBe(before);
    }

    /// <summary>What writes would leave behind: every change of configuration is in the audit log; messages, replays and issues are counted.</summary>
    private async Task<string> State()
    {
        var audit = (await gallery.Server.Get("/api/v1/audit-log?limit=250")).Expect(200).Items.Where(entry => entry.GetProperty("action").GetString()!.Split('.')[0] is not ("member" or "portal_session"));
        var messages = (await gallery.Server.Get($"/api/v1/apps/{gallery.App}/messages?limit=250")).Expect(200).Items.Length;
        var issues = (await gallery.Server.Get("/api/v1/ingest/issues?status=open")).Expect(200).Items.Length;
        return $"{audit.First()} {messages} messages, {issues} open issues, {(await gallery.Server.Get("/api/v1/replays?limit=250")).Expect(200).Items.Length} replays";
    }

    /// <summary>A form that no page of theirs has, sent as a browser sends it.</summary>
    private static async Task Send(IPage page, string action, string role)
    {
        await page.EvaluateAsync(
            """
            ([action, role]) => {
                const form = document.body.appendChild(document.createElement('form'));
                form.method = 'post';
                form.action = action;
                for (const [name, value] of [['_token', document.querySelector('[name=_token]').value], ['role', role]]) {
                    const field = form.appendChild(document.createElement('input'));
                    field.type = 'hidden';
                    field.name = name;
                    field.value = value;
                }
                form.submit();
            }
            """, new[] { action, role });
        await page.WaitForLoadStateAsync();
    }
}
