namespace Hookway.Deliveries;

/// <summary>How the sender reaches receivers, and how long it waits for them.</summary>
public sealed record SenderOptions
{
    /// <summary>For the whole request: name lookup, connect, headers and body.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>For the body once the status is known, so that a body that never ends does not keep others waiting.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The HTTP proxy through which every request goes, with its user and password if it wants any; null for none. It looks names up by itself, after the server has looked at where
    /// they lead: what it may reach, it must know as well.
    /// </summary>
    public Uri? Proxy { get; init; }

    /// <summary>For the name lookup.</summary>
    public TimeSpan DnsTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
