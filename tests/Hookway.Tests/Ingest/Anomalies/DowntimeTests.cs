using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>The time in which no server ran, for vendors that do not send again.</summary>
public sealed class DowntimeTests
{
    [Fact]
    public async Task What_vendors_without_retries_may_have_sent_while_no_server_ran_is_an_issue_for_three_days()
    {
        await using var scene = await IssueScene.Start();
        var server = scene.Server;
        var source = await server.CreateSource();
        var off = await server.CreateSource(more: new { expectations = new Dictionary<string, int?> { ["downtime"] = null } });
        var unused = await server.CreateSource();
        var retrying = await server.CreateSource("stripe", secret: null);
        foreach (var of in new[] { source, off })
        {
            (await server.DeliverGitHub(of, "d1", more: ("X-GitHub-Hook-ID", "4711"))).Expect(200);
        }
        (await server.Deliver(retrying.Path(), "{}"u8.ToArray())).Expect(200);
        await scene.Pass(TimeSpan.FromMinutes(2));
        await server.Restart(impatient: true);
        await scene.Pass(TimeSpan.FromHours(1));
        (await scene.Issues()).ShouldBeEmpty("it ran all the time");

        await server.Stop(impatient: true);
        scene.Clock.Advance(TimeSpan.FromMinutes(20));
        await server.Restart(impatient: true);

        var issue = await scene.Issue();
        (issue.Text("kind"), issue.Text("sourceId"), issue.Count()).ShouldBe(("missing_event", source.Id(), 1));
        issue.Text("detail").ShouldContain("GitHub does not send again by itself. Redeliver");
        issue.Text("detail").ShouldContain("The webhook is 4711.");
        await server.Restart(impatient: true);
        await scene.Pass(TimeSpan.FromHours(71));
        (await scene.Issue()).Text("status").ShouldBe("open");
        await scene.Pass(TimeSpan.FromHours(2));
        issue = await scene.Issue();
        (issue.Text("status"), issue.Count()).ShouldBe(("resolved", 1));
        unused.Id().ShouldNotBe(source.Id());
    }
}
