using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>PostgreSQL goes away under load and comes back: what was acknowledged is delivered, what was refused is not, and work resumes by itself.</summary>
[Collection(RealProcesses.Name)]
public class PostgresOutageTests
{
    private const int Rounds = 8;

    [Fact]
    public async Task Connections_that_are_cut_again_and_again_lose_nothing_and_nobody_is_told_a_lie()
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        var seed = Random.Shared.Next(1_000_000);
        Console.WriteLine($"    Outage test: seed {seed}");
        var random = new Random(seed);
        await using var scene = await CrashScene.Create();
        var load = new CrashLoad(scene, seed);
        for (var round = 0; round < Rounds; round++)
        {
            await load.During(async () =>
            {
                await Task.Delay(random.Next(100, 600));
                load.Dying();
                await scene.CutConnections();
                await Task.Delay(random.Next(300));
            });
            await TestServer.Until(async () =>
            {
                using var ready = await scene.Client.GetAsync("/readyz");
                return ready.IsSuccessStatusCode;
            });
        }
        await load.During(() => Task.Delay(500));
        await scene.WaitUntilDone(TimeSpan.FromMinutes(1));

        await new CrashChecks(scene, load).All();
        Console.WriteLine(
            $"    Outage test: {Rounds} cuts, {load.Sent.Values.Count(message => message.Acknowledged)} messages acknowledged, " +
            $"{scene.Arrivals.All.Count} requests received, {scene.Arrivals.Repeats()} of them repeated a success");
        await scene.End();
    }
}
