namespace Hookway.Deliveries;

/// <summary>How long the sender waits for a receiver.</summary>
public sealed record SenderOptions
{
    /// <summary>For the whole request: name lookup, connect, headers and body.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>For the body once the status is known, so that a body that never ends does not keep others waiting.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>For the name lookup.</summary>
    public TimeSpan DnsTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
