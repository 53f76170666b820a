namespace Hookway.Access;

/// <summary>What a portal session may do, each for its one recipient.</summary>
public static class Capabilities
{
    public const string EndpointsRead = "endpoints:read";
    public const string EndpointsWrite = "endpoints:write";
    public const string SecretsRead = "secrets:read";
    public const string SecretsRotate = "secrets:rotate";
    public const string MessagesRead = "messages:read";
    public const string MessagesReplay = "messages:replay";

    /// <summary>Every capability, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> All { get; } = [EndpointsRead, EndpointsWrite, SecretsRead, SecretsRotate, MessagesRead, MessagesReplay];
}
