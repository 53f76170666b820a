using System.Text.Json;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Tests.Support;
using Microsoft.Playwright;

namespace Hookway.BrowserTests;

/// <summary>
/// Every page there is, with hostile data in it: as axe sees it, light and dark; by keyboard; at the width of a small phone; with scripts and without. The browser's own
/// complaints (broken policies, scripts that fail, requests to other hosts) fail the walk, too.
/// </summary>
public class EveryPageTests(Browsers browsers, Gallery gallery)
{
    private const int Wide = 1280;
    private const int Narrow = 380;
    private const int Height = 860;

    private const string AllRules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
    private const string Colours = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

    // The navigation is the same on every page, and is looked at on the first.
    private const string Everything = "document";
    private const string WithoutNavigation = "{ exclude: [['.side']] }";

    /// <summary>What is wrong with a page in itself, whatever it shows: code of others, things that a keyboard does not reach or that do not show it, and things that are dead without a script.</summary>
    private const string Faults =
        """
        all => {
            const faults = [];
            const name = e => e.outerHTML.slice(0, 120);
            for (const script of document.scripts) if (!script.src || new URL(script.src).origin !== location.origin) faults.push('foreign code: ' + name(script));
            for (const e of document.querySelectorAll('img[src=x], [onclick], [onerror], [style]')) faults.push('foreign code: ' + name(e));
            for (const e of document.querySelectorAll('[role=button]:not(button), button:not([type]), a:not([href])')) faults.push('not what it seems: ' + name(e));
            for (const e of document.querySelectorAll('button')) if (!e.form && !e.classList.contains('needs-script')) faults.push('dead without a script: ' + name(e));
            const looks = e => [getComputedStyle(e), getComputedStyle(e, '::after')].map(s => s.outlineStyle + s.outlineColor + s.boxShadow).join() + getComputedStyle(e).left;
            const seen = e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled;
            // Rows, attempts and tiles are alike: three of each are looked at, and the navigation on the first page.
            const alike = 'tr:nth-child(n+4), .attempt:nth-of-type(n+4), .vendor:nth-child(n+4)' + (all ? '' : ', .side');
            const closed = [...document.querySelectorAll('details:not([open])')];
            for (const more of closed) more.open = true;
            for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')) {
                if (e.closest(alike) || !seen(e)) continue;
                if (e.tabIndex !== 0) faults.push('out of the order of tabs: ' + name(e));
                document.activeElement?.blur();
                const before = looks(e);
                e.focus({ focusVisible: true, preventScroll: true });
                if (document.activeElement !== e) faults.push('cannot be reached by keyboard: ' + name(e));
                else if (looks(e) === before) faults.push('does not show that it is reached: ' + name(e));
            }
            document.activeElement?.blur();
            for (const more of closed) more.open = false;
            return faults;
        }
        """;

    private static readonly Lazy<Task<string>> Axe = new(async () =>
    {
        var folder = Path.Combine(Repository.Tests, "npm");
        await Npm.Run(folder, "--version");
        return await File.ReadAllTextAsync(Path.Combine(folder, "node_modules", "axe-core", "axe.min.js"));
    });

    [Fact]
    public async Task No_page_is_left_out_of_what_is_looked_at()
    {
        await gallery.Make();
        var portal = await gallery.Portal();
        PageRoutes.Missing(gallery.Server, [.. gallery.GatePages, .. gallery.Pages, .. gallery.PortalPages.Append("/nothing").Select(page => portal + page)]).ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_page_of_the_dashboard_is_for_everybody()
    {
        await gallery.Make();
        List<string> found = [];
        await using (var stranger = await Walker.Start(browsers, gallery.Server.Address, width: Wide))
        {
            await stranger.Page.AddInitScriptAsync(await Axe.Value);
            foreach (var page in gallery.GatePages)
            {
                found.AddRange(await Look(stranger.Page, page));
            }
            stranger.Expected.Add(401);
            found.AddRange(await LookAtAnswer(stranger.Page, "/sign-in", page => page.EvaluateAsync(
                "() => { const form = document.forms[0]; form.elements.email.value = 'nobody@example.com'; form.elements.password.value = 'x'; form.submit(); }")));
        }
        await using var walker = await Walker.Start(browsers, gallery.Server.Address, width: Wide);
        await walker.SignIn(gallery.Server, Roles.Owner, Gallery.Hostile);
        await walker.Page.AddInitScriptAsync(await Axe.Value);
        // A page whose work goes on shows itself anew after a while: not while it is looked at.
        await walker.Page.AddInitScriptAsync("const wait = setTimeout; window.setTimeout = (act, ...rest) => String(act).includes('location.reload') ? 0 : wait(act, ...rest);");
        found.AddRange(await Look(walker.Page, gallery.Pages[0], Everything));
        foreach (var page in gallery.Pages.Skip(1))
        {
            found.AddRange(await Look(walker.Page, page));
        }
        walker.Expected.UnionWith([400, 404]);
        found.AddRange(await Look(walker.Page, "/nothing"));
        foreach (var (page, send) in gallery.Answers)
        {
            found.AddRange(await LookAtAnswer(walker.Page, page, send));
        }
        found.AddRange(await LookAtSecondStep(walker));
        found.ShouldBeEmpty();
    }

    /// <summary>Turns on the second step of the person who is signed in, and signs in again as far as its code is asked for.</summary>
    private static async Task<List<string>> LookAtSecondStep(Walker walker)
    {
        var page = walker.Page;
        await page.GotoAsync("/account/codes");
        var email = (await page.Locator("details.more code").TextContentAsync())!.Split("Hookway:")[1].Split('?')[0];
        var secret = Convert.FromHexString((await page.Locator("input[name=secret]").GetAttributeAsync("value"))!);
        await page.GetByLabel("The code it shows now").FillAsync(OneTimeCodes.CodeAt(secret, DateTimeOffset.UtcNow));
        await page.GetByLabel("Your password").FillAsync(Walker.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Turn it on" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Keep these codes" })).ToBeVisibleAsync();
        List<string> found = [.. await Look(page, null)];
        await page.EvaluateAsync("[...document.forms].find(form => form.action.endsWith('/sign-out')).submit()");
        await page.GetByLabel("E-mail").FillAsync(Uri.UnescapeDataString(email));
        await page.GetByLabel("Password").FillAsync(Walker.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Enter the code" })).ToBeVisibleAsync();
        found.AddRange(await Look(page, null));
        return found;
    }

    [Fact]
    public async Task Every_page_of_the_portal_is_for_everybody_whatever_its_colour()
    {
        await gallery.Make();
        await using var walker = await Walker.Start(browsers, gallery.Server.Address, width: Wide);
        await walker.Page.AddInitScriptAsync(await Axe.Value);
        List<string> found = [];
        var portal = await gallery.Portal(new { mode = "auto" });
        foreach (var page in gallery.PortalPages)
        {
            found.AddRange(await Look(walker.Page, portal + page));
        }
        walker.Expected.UnionWith([400, 404]);
        found.AddRange(await Look(walker.Page, portal + "/nothing"));
        foreach (var (page, send) in gallery.PortalAnswers)
        {
            found.AddRange(await LookAtAnswer(walker.Page, portal + page, send));
        }
        walker.Expected.Add(410);
        found.AddRange(await Look(walker.Page, await gallery.PortalThatIsOver()));
        // Another colour changes colours alone.
        portal = await gallery.Portal(new { mode = "auto", primaryColor = "#ffee00" });
        foreach (var page in gallery.PortalPages)
        {
            await walker.Page.GotoAsync(portal + page);
            await Prepare(walker.Page);
            found.AddRange(await Violations(walker.Page, Everything, Colours, "yellow"));
            found.AddRange(await InTheDark(walker.Page, Everything));
        }
        found.ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_a_script_every_page_is_whole()
    {
        await gallery.Make();
        await using var walker = await Walker.Start(browsers, gallery.Server.Address, scripts: false);
        await walker.SignIn(gallery.Server);
        var portal = await gallery.Portal();
        List<string> found = [];
        foreach (var page in gallery.GatePages.Skip(1).Concat(gallery.Pages).Concat(gallery.PortalPages.Select(page => portal + page)))
        {
            (await walker.Page.GotoAsync(page, new() { WaitUntil = WaitUntilState.DOMContentLoaded }))!.Status.ShouldBe(200, page);
            var dead = await walker.Page.EvaluateAsync<string[]>(
                "[...document.querySelectorAll('button, .needs-script')].filter(e => e.checkVisibility() && (!e.form || e.type !== 'submit')).map(e => e.outerHTML.slice(0, 120))");
            found.AddRange(dead.Select(thing => $"{page}: {thing}"));
            // Each form is sent to something that is there.
            foreach (var form in await walker.Page.EvaluateAsync<string[]>(
                "[...document.forms].map(f => f.method + ' ' + new URL(f.action).pathname).concat([...document.querySelectorAll('[formaction]')].map(b => 'post ' + new URL(b.formAction).pathname))"))
            {
                if (form.Split(' ') is [var method, var action] && PageRoutes.NameOf(gallery.Server, method.ToUpperInvariant(), action) is null or "/portal/{token}/{rest}")
                {
                    found.Add($"{page}: {form} leads nowhere");
                }
            }
        }
        found.ShouldBeEmpty();
    }

    /// <summary>Everything there is to say against a page; null for the one that is open.</summary>
    private static async Task<List<string>> Look(IPage page, string? path, string of = WithoutNavigation)
    {
        if (path is not null)
        {
            await page.GotoAsync(path);
        }
        await Prepare(page);
        List<string> found = [.. await Violations(page, of, AllRules, "axe")];
        // Whoever uses the keyboard is shown where they are.
        await page.Keyboard.PressAsync("Tab");
        found.AddRange((await page.EvaluateAsync<string[]>(Faults, of == Everything)).Select(fault => $"{page.Url}: {fault}"));
        found.AddRange(await InTheDark(page, of));
        await page.SetViewportSizeAsync(Narrow, Height);
        if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") is > Narrow and var width)
        {
            found.Add($"{page.Url}: {width} wide where {Narrow} are shown");
        }
        await page.SetViewportSizeAsync(Wide, Height);
        return found;
    }

    private static async Task<List<string>> LookAtAnswer(IPage page, string path, Func<IPage, Task> send)
    {
        await page.GotoAsync(path);
        await page.EvaluateAsync("() => { window.isOld = true; }");
        await send(page);
        await page.WaitForFunctionAsync("() => !window.isOld && document.readyState === 'complete'");
        return await Look(page, null);
    }

    /// <summary>What is folded away is looked at, too.</summary>
    private static async Task Prepare(IPage page)
    {
        await page.EvaluateAsync("() => { for (const more of document.querySelectorAll('details:not(.menu):not(.ask):not(.top-bar)')) more.open = true; }");
    }

    private static async Task<IEnumerable<string>> InTheDark(IPage page, string of)
    {
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        var found = await Violations(page, of, Colours, "dark");
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        return found;
    }

    private static async Task<IEnumerable<string>> Violations(IPage page, string of, string only, string how)
    {
        var violations = await page.EvaluateAsync<JsonElement>(
            $"axe.run({of}, {{ runOnly: {only}, resultTypes: ['violations'] }}).then(r => r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')))");
        return [.. violations.EnumerateArray().Select(violation => $"{page.Url} ({how}): {violation.GetString()}")];
    }
}
