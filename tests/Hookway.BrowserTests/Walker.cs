using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Playwright;

namespace Hookway.BrowserTests;

/// <summary>Someone at a browser. What the browser complains of (scripts that fail, policies that are broken, requests to other hosts) fails the test at the end.</summary>
public sealed class Walker : IAsyncDisposable
{
    public const string Password = "correct horse battery staple";

    private readonly List<string> _complaints = [];
    private readonly HashSet<string> _hosts;
    private readonly IBrowserContext _context;

    private Walker(IBrowserContext context, Uri server, IEnumerable<Uri> others)
    {
        _context = context;
        Server = server;
        _hosts = [server.Authority, .. others.Select(other => other.Authority)];
    }

    public Uri Server { get; }

    public IPage Page { get; private set; } = null!;

    /// <summary>Statuses that the walk asks for on purpose, which the console tells as errors.</summary>
    public HashSet<int> Expected { get; } = [];

    public static async Task<Walker> Start(Browsers browsers, Uri server, bool scripts = true, ColorScheme theme = ColorScheme.Light, int width = 1280, int height = 860, params Uri[] others)
    {
        var context = await browsers.Chromium.NewContextAsync(new()
        {
            JavaScriptEnabled = scripts,
            ColorScheme = theme,
            // Colours are what they are at once.
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new() { Width = width, Height = height },
            BaseURL = server.AbsoluteUri,
        });
        context.SetDefaultTimeout(15_000);
        var walker = new Walker(context, server, others);
        context.Page += (_, page) => walker.Watch(page);
        walker.Page = await context.NewPageAsync();
        return walker;
    }

    /// <summary>Makes a member of the first workspace and signs in as them, through the pages; answers their address.</summary>
    public async Task<string> SignIn(TestServer server, string role = Roles.Owner, string? name = null)
    {
        var workspace = (await server.Services.GetRequiredService<WorkspaceStore>().First())!;
        var email = $"{role}-{Guid.NewGuid():N}@example.com";
        var (_, token) = await server.Services.GetRequiredService<AccessLinkStore>().Create(AccessLink.Invitation, workspace.No, null, email, role, Actor.Command);
        await Page.GotoAsync(AccessLink.PathOf(AccessLink.Invitation, token));
        await Page.GetByLabel("Your name").FillAsync(name ?? "Grace Hopper");
        await Page.GetByLabel("Password").FillAsync(Password);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Join" }).ClickAsync();
        await Assertions.Expect(Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
        return email;
    }

    /// <summary>Loads the page again, unless it is just doing that by itself, as pages do whose work goes on.</summary>
    public async Task Reload()
    {
        try
        {
            await Page.ReloadAsync();
        }
        catch (PlaywrightException e) when (e.Message.Contains("Not attached to an active page", StringComparison.Ordinal) || e.Message.Contains("ERR_ABORTED", StringComparison.Ordinal))
        {
            await Page.WaitForLoadStateAsync();
        }
    }

    public Task<IReadOnlyList<BrowserContextCookiesResult>> Cookies() => _context.CookiesAsync();

    /// <summary>What was complained of so far is what the test was about.</summary>
    public void Forgive() => _complaints.Clear();

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        _complaints.ShouldBeEmpty();
    }

    private void Watch(IPage page)
    {
        page.Console += (_, message) =>
        {
            // Which Chromium says of every page over plain http, whatever the page does.
            if (message.Type == "error" && !message.Text.StartsWith("The Cross-Origin-Opener-Policy header has been ignored", StringComparison.Ordinal) && !Expected.Any(status => message.Text.Contains($"status of {status}", StringComparison.Ordinal)))
            {
                _complaints.Add($"{page.Url}: {message.Text}");
            }
        };
        page.PageError += (_, error) => _complaints.Add($"{page.Url}: {error}");
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: "http" or "https" } url && !_hosts.Contains(url.Authority))
            {
                _complaints.Add($"{page.Url} asked {url.Authority}");
            }
        };
    }
}
