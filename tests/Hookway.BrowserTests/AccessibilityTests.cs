using System.Text.Json;
using Hookway.Tests.Support;
using Microsoft.Playwright;

namespace Hookway.BrowserTests;

/// <summary>Every page, light and dark, as axe sees it; and at the width of a small phone.</summary>
public class AccessibilityTests(Browsers browsers, Gallery gallery) : IClassFixture<Gallery>
{
    private const int Narrow = 380;

    private static readonly Lazy<Task<string>> Axe = new(async () =>
    {
        var folder = Path.Combine(Repository.Tests, "npm");
        await Npm.Run(folder, "--version");
        return await File.ReadAllTextAsync(Path.Combine(folder, "node_modules", "axe-core", "axe.min.js"));
    });

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task No_page_of_the_dashboard_has_a_serious_issue(ColorScheme theme)
    {
        await using var walker = await Walker.Start(browsers, gallery.Server.Address, theme: theme);
        List<string> found = [.. await Check(walker.Page, "/sign-in")];
        await walker.SignIn(gallery.Server);
        var workspace = new Uri(walker.Page.Url).AbsolutePath;
        foreach (var path in gallery.Pages.Select(path => workspace + path).Append("/account").Append("/account/codes"))
        {
            found.AddRange(await Check(walker.Page, path));
        }
        walker.Expected.Add(404);
        found.AddRange(await Check(walker.Page, "/nothing"));
        found.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("light", null)]
    [InlineData("dark", "#ffee00")]
    [InlineData("light", "#ff7a00")]
    public async Task No_page_of_the_portal_has_a_serious_issue_whatever_its_colour(string mode, string? primaryColor)
    {
        await using var walker = await Walker.Start(browsers, gallery.Server.Address);
        var portal = await gallery.Portal(new { mode, primaryColor });
        List<string> found = [];
        foreach (var path in gallery.PortalPages)
        {
            found.AddRange(await Check(walker.Page, portal + path));
        }
        found.ShouldBeEmpty();
    }

    [Fact]
    public async Task No_page_is_wider_than_a_small_phone()
    {
        await using var walker = await Walker.Start(browsers, gallery.Server.Address, width: Narrow);
        await walker.SignIn(gallery.Server);
        var workspace = new Uri(walker.Page.Url).AbsolutePath;
        var portal = await gallery.Portal();
        List<string> found = [];
        foreach (var path in gallery.Pages.Select(path => workspace + path).Concat(gallery.PortalPages.Select(path => portal + path)).Append("/account"))
        {
            await walker.Page.GotoAsync(path);
            if (await walker.Page.EvaluateAsync<int>("document.documentElement.scrollWidth") is > Narrow and var width)
            {
                found.Add($"{path} is {width} wide");
            }
        }
        found.ShouldBeEmpty();
    }

    private static async Task<IReadOnlyList<string>> Check(IPage page, string path)
    {
        await page.GotoAsync(path);
        // What is folded away is looked at, too.
        await page.EvaluateAsync("for (const more of document.querySelectorAll('details:not(.menu):not(.ask):not(.top-bar)')) more.open = true");
        await page.EvaluateAsync(await Axe.Value);
        var violations = await page.EvaluateAsync<JsonElement>(
            "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(r => r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')))");
        return [.. violations.EnumerateArray().Select(violation => $"{path}: {violation.GetString()}")];
    }
}
