namespace Hookway.Deliveries.Ownership;

/// <summary>How nodes share a store. Defaults are those of the settings.</summary>
public sealed record NodeOptions
{
    /// <summary>How long a node has its targets after it last said that it lives.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>By what nodes time their leases and looks: the same time as the store's, whatever deliveries are timed by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How often a node looks for what it was not told of.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a target without work is kept while there are other nodes, which may be the next to get work for it.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The same while there are none.</summary>
    public TimeSpan LingerAlone { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A target whose next delivery is due later than that is let go until then.</summary>
    public TimeSpan LongWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most targets that are taken, let go or looked at in one step.</summary>
    public int Step { get; init; } = 1_000;

    /// <summary>Most targets that are taken in one look while memory is full.</summary>
    public int StepWithoutRoom { get; init; } = 20;
}
