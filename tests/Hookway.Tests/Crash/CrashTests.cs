using System.Globalization;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>A real process under load, killed and restarted: nothing that was acknowledged may be lost.</summary>
[Collection(RealProcesses.Name)]
public class CrashTests
{
    private static readonly TimeSpan PendingLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_process_that_is_killed_again_and_again_loses_nothing_that_was_acknowledged()
    {
        var rounds = Number("HOOKWAY_CRASH_ROUNDS") ?? 5;
        var random = Seeded(out var seed);
        await using var scene = await CrashScene.Create();
        var load = new CrashLoad(scene, seed);
        var killedWhileStarting = 0;
        for (var round = 0; round < rounds; round++)
        {
            await load.During(async () =>
            {
                await Task.Delay(random.Next(100, 1_200));
                load.Dying();
                await scene.Kill();
            });
            if (random.Next(3) == 0)
            {
                killedWhileStarting++;
                await scene.KillWhileStarting(TimeSpan.FromMilliseconds(random.Next(700)));
            }

            await scene.StartServer();
        }

        await load.During(() => Task.Delay(500));
        await scene.WaitUntilDone(PendingLimit);

        await new CrashChecks(scene, load).All();
        Report($"{rounds + killedWhileStarting} kills, {killedWhileStarting} of them while starting: {Counts(scene, load)}");
        await scene.End();
    }

    [Fact]
    public async Task A_process_that_is_asked_to_end_under_load_drains_and_doubles_nothing()
    {
        _ = Seeded(out var seed);
        await using var scene = await CrashScene.Create();
        var load = new CrashLoad(scene, seed);
        int? exitCode = null;
        await load.During(async () =>
        {
            await Task.Delay(1_000);
            load.Dying();
            exitCode = await scene.Terminate(ShutdownLimit);
        });
        exitCode.ShouldBe(0);
        await scene.StartServer();
        await scene.WaitUntilDone(PendingLimit);

        await new CrashChecks(scene, load).All();
        scene.Arrivals.Repeats().ShouldBe(0);
        Report($"SIGTERM: {Counts(scene, load)}");
        await scene.End();
    }

    internal static string Counts(CrashScene scene, CrashLoad load) =>
        $"{load.Sent.Values.Count(message => message.Acknowledged)} messages acknowledged, {load.Unanswered} left without an answer, " +
        $"{scene.Arrivals.All.Count} requests received, {scene.Arrivals.Repeats()} of them repeated a success";

    /// <summary>The seed decides what is sent and when the process dies; HOOKWAY_CRASH_SEED sets it again.</summary>
    internal static Random Seeded(out int seed)
    {
        seed = Number("HOOKWAY_CRASH_SEED") ?? Random.Shared.Next(1_000_000);
        Report($"seed {seed}");
        return new Random(seed);
    }

    internal static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    // To stdout, not to the test's own output, which is shown for failures alone.
    internal static void Report(string text) => Console.WriteLine($"    Crash test: {text}");
}
