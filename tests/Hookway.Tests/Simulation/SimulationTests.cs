using System.Globalization;

namespace Hookway.Tests.Simulation;

/// <summary>
/// The real engine on simulated time, in worlds that a seed makes. HOOKWAY_SIMULATION_SEEDS says how many (200), from HOOKWAY_SIMULATION_FIRST (1) on; HOOKWAY_SIMULATION_SEED plays one
/// again, exactly.
/// </summary>
public sealed class SimulationTests : IAsyncLifetime
{
    private const int SeedsThatFindAMutation = 60;
    private const int SeedsWithSlowReceivers = 5;

    private int _sends;
    private int _requests;
    private int _processes;

    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-simulation-").FullName;

    public async ValueTask InitializeAsync() => await SimulatedStore.Create(_folder);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void In_every_world_nothing_is_lost_doubled_out_of_turn_or_forgotten()
    {
        var seeds = Seeds().ToList();
        foreach (var seed in seeds)
        {
            Play(seed, null).Findings.ShouldBeEmpty($"HOOKWAY_SIMULATION_SEED={seed} plays this world again");
        }
        Console.WriteLine($"    Simulation: {seeds.Count} worlds, {_sends} sends, {_requests} requests at receivers, {_processes} processes that started and ended");
    }

    [Fact]
    public void However_many_receivers_are_slow_those_that_are_well_do_not_wait_for_them()
    {
        for (var seed = 1; seed <= SeedsWithSlowReceivers; seed++)
        {
            Play(seed, null, slowReceivers: 12).Findings.ShouldBeEmpty($"world {seed} with slow receivers");
        }
    }

    [Fact]
    public void A_seed_plays_the_same_world_again()
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            Play(seed, null).Trace.ShouldBe(Play(seed, null).Trace);
        }
    }

    [Fact]
    public void An_outcome_that_is_dropped_is_noticed() => IsNoticed(() => new OutcomeDropped());

    [Fact]
    public void An_order_that_is_swapped_is_noticed() => IsNoticed(() => new OrderSwapped());

    [Fact]
    public void A_lease_that_is_ignored_is_noticed() => IsNoticed(() => new LeaseIgnored());

    private void IsNoticed(Func<Mutation> mutation) =>
        Enumerable.Range(1, SeedsThatFindAMutation).Any(seed => Play(seed, mutation()).Findings.Count > 0).ShouldBeTrue();

    private (IReadOnlyList<string> Findings, long Trace) Play(int seed, Mutation? mutation, int slowReceivers = 0)
    {
        var file = Path.Combine(_folder, "world.db");
        File.Copy(SimulatedStore.FileIn(_folder), file, overwrite: true);
        File.Delete(file + "-wal");
        File.Delete(file + "-shm");
        using var world = new World(seed, file, mutation, slowReceivers);
        try
        {
            new Scenario(world).Play();
        }
        catch (Exception e)
        {
            world.Fault(e);
        }
        _sends += world.Ledger.Sends.Count;
        _requests += world.Receivers.Sum(receiver => receiver.Arrivals.Count);
        _processes += world.Lives;
        return (world.Ledger.Close(), world.Scheduler.Trace);
    }

    private static IEnumerable<int> Seeds()
    {
        if (Environment.GetEnvironmentVariable("HOOKWAY_SIMULATION_SEED") is { Length: > 0 } one)
        {
            return [int.Parse(one, CultureInfo.InvariantCulture)];
        }
        var many = Environment.GetEnvironmentVariable("HOOKWAY_SIMULATION_SEEDS") is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : 200;
        var first = Environment.GetEnvironmentVariable("HOOKWAY_SIMULATION_FIRST") is { Length: > 0 } from ? int.Parse(from, CultureInfo.InvariantCulture) : 1;
        return Enumerable.Range(first, many);
    }
}
