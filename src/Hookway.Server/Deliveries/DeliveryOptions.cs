namespace Hookway.Deliveries;

/// <summary>How much the engine does at once. Defaults are those of the settings.</summary>
public sealed record DeliveryOptions
{
    /// <summary>Most attempts in flight on this node.</summary>
    public int MaxInFlight { get; init; } = 512;

    /// <summary>Most attempts in flight to one target.</summary>
    public int MaxInFlightPerTarget { get; init; } = 32;

    /// <summary>Deliveries of one target that are kept ready in memory; past it they wait in the store.</summary>
    public int ReadyPerTarget { get; init; } = 256;

    /// <summary>Deliveries of all targets that are kept ready in memory.</summary>
    public int ReadyInAll { get; init; } = 50_000;

    /// <summary>Bytes of content that ready deliveries may hold; past it content is read again when it is sent.</summary>
    public long ReadyContentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes that the contents of attempts in flight may take, but for small ones.</summary>
    public long InFlightContentBytes { get; init; } = 128 * 1024 * 1024;

    /// <summary>How long a shutdown waits for attempts in flight.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(20);
}
