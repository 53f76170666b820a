using Hookway.Api;

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

    /// <summary>Adds what is wrong with a list of capabilities.</summary>
    public static void Check(string field, IReadOnlyList<string?>? given, FieldErrors errors)
    {
        for (var i = 0; i < given?.Count; i++)
        {
            if (!All.Contains(given[i]))
            {
                errors.Add($"{field}[{i}]", $"must be one of {string.Join(", ", All)}");
            }
        }
    }

    /// <summary>What a portal session is given of what was asked for, all when nothing was; adds what is wrong.</summary>
    /// <param name="most">What the workspace lets portal sessions do.</param>
    public static IReadOnlyList<string> Granted(IReadOnlyList<string?>? given, IReadOnlyList<string> most, FieldErrors errors)
    {
        Check("capabilities", given, errors);
        for (var i = 0; i < given?.Count; i++)
        {
            if (All.Contains(given[i]) && !most.Contains(given[i]))
            {
                errors.Add($"capabilities[{i}]", "is not allowed by the workspace's portalCapabilities");
            }
        }
        if (given is [] || most.Count == 0)
        {
            errors.Add("capabilities", most.Count == 0 ? "cannot be given: the workspace's portalCapabilities allow none" : "must name at least one");
        }
        return InOrder(given ?? most);
    }

    /// <summary>Each once, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> InOrder(IReadOnlyList<string?> given) => [.. All.Where(given.Contains)];
}
