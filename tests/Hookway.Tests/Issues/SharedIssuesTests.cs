using Hookway.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Issues;

/// <summary>Several nodes on one database: one of them looks for issues, and another does when that is gone.</summary>
public class SharedIssuesTests
{
    [Fact]
    public async Task One_node_at_a_time_looks_and_the_next_goes_on_where_it_stood()
    {
        if (!PostgresDatabaseForTest.IsAsked)
        {
            // The embedded store has one server.
            return;
        }
        await using var scene = await IssueScene.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        await scene.Look();
        await using var other = await scene.Server.StartNode();
        var app = await scene.Server.CreateApp();
        await scene.Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 });
        await scene.Server.WaitForMessage(app, await scene.Server.Send(app), "failed");
        (await Look(other)).ShouldBeFalse("the first has the turn");
        (await scene.Issue()).Count().ShouldBe(1);

        await scene.Server.WaitForMessage(app, await scene.Server.Send(app), "failed");
        await scene.Server.Stop(impatient: true);
        (await Look(other)).ShouldBeTrue("it was let go of");

        (await other.Get(IssueScene.Route)).Expect(200).Items.ShouldHaveSingleItem().Count().ShouldBe(2);
    }

    [Fact]
    public async Task A_turn_that_was_not_let_go_of_ends_by_itself()
    {
        if (!PostgresDatabaseForTest.IsAsked)
        {
            return;
        }
        await using var scene = await IssueScene.Start();
        await scene.Look();
        await using var other = await scene.Server.StartNode();
        (await Look(other)).ShouldBeFalse();
        scene.Clock.Advance(TimeSpan.FromSeconds(16));
        // Whichever of the two comes first has it then.
        ((await Look(other)) ^ (await Look(scene.Server))).ShouldBeTrue();
    }

    private static Task<bool> Look(TestServer server) => server.Services.GetRequiredService<IssueWatch>().RunOnce(TestContext.Current.CancellationToken);
}
