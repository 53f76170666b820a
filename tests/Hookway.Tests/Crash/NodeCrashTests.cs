using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>
/// Two nodes on one database, real processes under load, of which one after another is killed, stands still for too long, or is cut off: what was acknowledged is delivered, and
/// repeated is only what was in flight. ./test runs this class on PostgreSQL alone.
/// </summary>
[Collection(RealProcesses.Name)]
public class NodeCrashTests
{
    /// <summary>Attempts that a node may have in flight to one endpoint.</summary>
    public const int MostInFlight = 8;

    private const int Nodes = 2;

    private static readonly KeyValuePair<string, string>[] Settings =
    [
        new("Hookway__Node__LeaseSeconds", "2"),
        new("Hookway__Deliveries__MaxInFlightPerTarget", $"{MostInFlight}"),
        // What every client of the test brings with it.
        new("Hookway__MetricsToken", ServerProcess.ApiKey),
    ];

    [Fact]
    public async Task Nodes_that_are_killed_frozen_and_cut_off_lose_nothing_and_repeat_only_what_was_in_flight()
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        var rounds = CrashTests.Number("HOOKWAY_CRASH_ROUNDS") ?? 5;
        var random = CrashTests.Seeded(out var seed);
        await using var scene = await CrashScene.CreateShared(Nodes, Settings);
        var load = new CrashLoad(scene, seed);
        var incidents = new List<Incident>();
        await load.During(async () =>
        {
            await Task.Delay(300);
            for (var round = 0; round < rounds; round++)
            {
                // Each kind comes in every five rounds, in an order of their own.
                incidents.Add(await Befall(scene, scene.Nodes[random.Next(Nodes)], Kinds(seed + (round / 5))[round % 5], random));
                await Task.Delay(random.Next(300));
            }
        });
        await scene.WaitUntilDone(TimeSpan.FromMinutes(1));

        var checks = new CrashChecks(scene, load, incidents);
        await checks.All();
        CrashTests.Report(
            $"{string.Join(", ", incidents.CountBy(incident => incident.What).Select(kind => $"{kind.Key} {kind.Value} times"))}: {CrashTests.Counts(scene, load)}, " +
            $"{checks.Unrecorded} were in flight or not committed when their node was lost");
        await scene.End();
    }

    private static string[] Kinds(int seed)
    {
        string[] kinds = ["killed", "killed", "frozen", "cut off", "disconnected"];
        new Random(seed).Shuffle(kinds);
        return kinds;
    }

    private static async Task<Incident> Befall(CrashScene scene, SceneNode node, string kind, Random random)
    {
        node.Dying();
        var began = TimeProvider.System.GetTimestamp();
        var leasesLost = await node.LeasesLost();
        switch (kind)
        {
            case "killed":
                await node.Kill();
                if (random.Next(2) == 0)
                {
                    await OthersTakeOver(scene);
                }
                await node.Start();
                break;
            case "frozen":
                node.MayFail();
                await node.Freeze();
                await OthersTakeOver(scene);
                await Task.Delay(random.Next(500));
                await node.Thaw();
                break;
            case "cut off":
                node.MayFail();
                node.Wire.Hold();
                await OthersTakeOver(scene);
                await Task.Delay(random.Next(500));
                node.Wire.Release();
                break;
            default:
                node.MayFail();
                for (var times = random.Next(1, 4); times > 0; times--)
                {
                    node.Wire.Break();
                    await Task.Delay(random.Next(200));
                }
                break;
        }
        await Until(async () => await node.IsReady() && await scene.KnownNodes() >= Nodes);
        var loses = kind == "killed" || await node.LeasesLost() > leasesLost;
        if (kind is "frozen" or "cut off")
        {
            loses.ShouldBeTrue("a node that was given up knows it");
        }
        node.IsWell();
        return new Incident(kind, began, TimeProvider.System.GetTimestamp(), loses);
    }

    /// <summary>Ends when the node that is in trouble has been given up by the other.</summary>
    private static Task OthersTakeOver(CrashScene scene) => Until(async () => await scene.KnownNodes() < Nodes);

    private static Task Until(Func<Task<bool>> condition) => TestServer.Until(condition);
}
