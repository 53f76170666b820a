using System.Diagnostics.Metrics;

namespace Hookway.Storage;

/// <summary>The meter of one server: what it counts of its own work. Each folder makes the instruments for what it does.</summary>
public sealed class HookwayMeter(IMeterFactory factory)
{
    public const string Name = "Hookway";

    public Meter Meter { get; } = factory.Create(Name);
}
