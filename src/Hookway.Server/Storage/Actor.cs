namespace Hookway.Storage;

/// <summary>Who makes a change, for the audit log.</summary>
/// <param name="Id">The id of a key, a member or a portal session; <c>command</c> or <c>system</c>.</param>
/// <param name="Name">What people call it, as it was then.</param>
/// <param name="RequestId">The request that made the change; null for a change that none made.</param>
public sealed record Actor(string Id, string? Name, string? RequestId = null)
{
    /// <summary>The server by itself: the engine, the first start.</summary>
    public static Actor System { get; } = new("system", "Hookway");

    /// <summary>An operator at the command line.</summary>
    public static Actor Command { get; } = new("command", "Command line");
}
