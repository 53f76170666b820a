using System.Text.Json;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>A secret that was changed at the vendor is told from single requests of whoever.</summary>
public sealed class SecretChangeTests : IAsyncLifetime
{
    private IssueScene _scene = null!;
    private int _sent;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Failures_for_ten_minutes_after_a_long_good_run_are_a_changed_secret()
    {
        var source = await Server.CreateSource();
        await Genuine(source, 100);
        await _scene.Pass(TimeSpan.FromHours(25));
        await Forged(source, 3);
        await _scene.Pass(TimeSpan.FromMinutes(6));
        await Forged(source, 3);
        await _scene.Look();
        await Server.Restart(impatient: true);
        (await _scene.Issue()).Text("title").ShouldBe("Requests to github feed have a wrong signature");
        await _scene.Pass(TimeSpan.FromMinutes(5));
        await Forged(source, 1);

        var changed = (await _scene.Issues())[0];

        (changed.Text("kind"), changed.Text("title"), changed.Count()).ShouldBe(("signature_failures", "The secret of github feed seems to have been changed at the vendor", 1));
        changed.Text("detail").ShouldContain("of the last 4 requests 4 have a wrong signature");
        (await _scene.Issues()).Length.ShouldBe(2);
        await _scene.Pass(TimeSpan.FromMinutes(61));
        (await _scene.Issues()).ShouldAllBe(issue => issue.Text("status") == "resolved");
    }

    [Fact]
    public async Task One_in_a_hundred_a_short_run_or_a_young_source_is_none()
    {
        var busy = await Server.CreateSource();
        var seldom = await Server.CreateSource();
        await Genuine(busy, 100);
        await Genuine(seldom, 99);
        await _scene.Pass(TimeSpan.FromHours(25));
        var young = await Server.CreateSource();
        await Genuine(young, 100);
        foreach (var source in (JsonElement[])[busy, seldom, young])
        {
            await Forged(source, 1);
        }
        await _scene.Pass(TimeSpan.FromMinutes(11));
        await Genuine(busy, 297);
        foreach (var source in (JsonElement[])[busy, seldom, young])
        {
            await Forged(source, 3);
        }

        (await _scene.Issues()).Select(issue => issue.Text("title")).Distinct().ShouldHaveSingleItem().ShouldStartWith("Requests to");
    }

    private async Task Genuine(JsonElement source, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await Server.DeliverGitHub(source, $"genuine {_sent++}")).Expect(200);
        }
    }

    private async Task Forged(JsonElement source, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await Server.DeliverGitHub(source, $"forged {_sent++}", secret: "wrong")).Expect(401);
        }
    }
}
