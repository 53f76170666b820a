using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Hookway.BrowserTests.Browsers))]

namespace Hookway.BrowserTests;

/// <summary>The machine's own Chromium, started once for all tests; the environment variable HOOKWAY_TEST_CHROMIUM names another one.</summary>
public sealed class Browsers : IAsyncLifetime
{
    /// <summary>A name of this machine that no browser takes for it: over http it is no trustworthy place, as an address in an office's network is none.</summary>
    public const string PlainName = "hookway.test";

    // Third-party cookies are blocked for every test: the portal must not need one, and nothing else is in a frame.
    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--test-third-party-cookie-phaseout", "--host-resolver-rules=MAP " + PlainName + " 127.0.0.1",
    ];

    private IPlaywright? _playwright;

    public IBrowser Chromium { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        Chromium = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Environment.GetEnvironmentVariable("HOOKWAY_TEST_CHROMIUM") is { Length: > 0 } path ? path : "/usr/bin/chromium",
            Args = Arguments,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await Chromium.DisposeAsync();
        _playwright?.Dispose();
    }
}
