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

    /// <summary>Each once, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> InOrder(IReadOnlyList<string?> given) => [.. All.Where(given.Contains)];
}
