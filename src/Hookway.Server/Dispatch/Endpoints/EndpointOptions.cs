namespace Hookway.Dispatch.Endpoints;

/// <summary>What the operator asks of endpoint URLs.</summary>
public sealed record EndpointOptions
{
    public bool RequireHttps { get; init; }
}
