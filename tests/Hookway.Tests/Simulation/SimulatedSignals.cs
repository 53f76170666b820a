using Hookway.Storage;

namespace Hookway.Tests.Simulation;

/// <summary>Signals between the nodes of a world, each of which takes its time, and of which some are lost.</summary>
internal sealed class SimulatedSignals(World world, SimulatedProcess process) : NodeSignals
{
    private const double Lost = 0.1;
    private static readonly TimeSpan LongestWay = TimeSpan.FromMilliseconds(20);

    private bool _listens;

    public override void Start() => _listens = true;

    public override void Send(string line) => world.Signal(line);

    /// <summary>A line is on its way to this node.</summary>
    public void Hear(string line)
    {
        if (_listens && !(world.IsTroubled && world.Chance(Lost)))
        {
            world.Scheduler.After(world.Scheduler.Within(LongestWay), process, () => Receive(line));
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
