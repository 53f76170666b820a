using Hookway.Access.Members;

namespace Hookway.Tests.Support;

/// <summary>Every write of the dashboard's pages in a workspace, and the least role that may do it. A new one must be entered here.</summary>
public static class PageWrites
{
    private static readonly string[] Ranks = [Roles.Viewer, Roles.Member, Roles.Admin, Roles.Owner];

    /// <summary>By their routes below the workspace. In this order one can be done after the other: what takes something away comes after what needs it.</summary>
    public static IReadOnlyDictionary<string, string> Least { get; } = new Dictionary<string, string>()
    {
        ["/apps/{appId}/messages"] = Roles.Member,
        ["/apps/{appId}/messages/{messageId}/replay"] = Roles.Member,
        ["/apps/{appId}/messages/{messageId}/cancel"] = Roles.Member,
        ["/apps/{appId}/messages/{messageId}/erase"] = Roles.Member,
        ["/apps/{appId}/recipients"] = Roles.Member,
        ["/apps/{appId}/recipients/{recipient}/portal"] = Roles.Member,
        ["/apps/{appId}/endpoints"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/settings"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/secret/reveal"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/secret/rotate"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/test"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/{change}"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/replay"] = Roles.Member,
        ["/apps/{appId}/endpoints/{endpointId}/delete"] = Roles.Member,
        ["/apps/{appId}/recipients/{recipient}/delete"] = Roles.Member,
        ["/replays/{replayId}/cancel"] = Roles.Member,
        ["/ingest/sources"] = Roles.Member,
        ["/ingest/sources/{sourceId}/settings"] = Roles.Member,
        ["/ingest/sources/{sourceId}/expectations"] = Roles.Member,
        ["/ingest/sources/{sourceId}/rotate"] = Roles.Member,
        ["/ingest/sources/{sourceId}/{change}"] = Roles.Member,
        ["/ingest/sources/{sourceId}/destinations"] = Roles.Member,
        ["/ingest/sources/{sourceId}/destinations/preview"] = Roles.Member,
        ["/ingest/destinations/{destinationId}/settings"] = Roles.Member,
        ["/ingest/destinations/{destinationId}/{change}"] = Roles.Member,
        ["/ingest/events"] = Roles.Member,
        ["/ingest/events/count"] = Roles.Member,
        ["/ingest/events/replay"] = Roles.Member,
        ["/ingest/events/{eventId}/replay"] = Roles.Member,
        ["/ingest/destinations/{destinationId}/delete"] = Roles.Member,
        ["/ingest/sources/{sourceId}/archive"] = Roles.Member,
        ["/ingest/events/{eventId}/verify"] = Roles.Member,
        ["/issues"] = Roles.Member,
        ["/issues/{issueId}/{verb}"] = Roles.Member,
        ["/apps"] = Roles.Admin,
        ["/apps/{appId}/settings"] = Roles.Admin,
        ["/apps/{appId}/archive"] = Roles.Admin,
        ["/apps/{appId}/event-types"] = Roles.Admin,
        ["/apps/{appId}/event-types/{name}/archive"] = Roles.Admin,
        ["/settings/keys"] = Roles.Admin,
        ["/settings/keys/{keyId}/revoke"] = Roles.Admin,
        ["/settings/members/invite"] = Roles.Admin,
        ["/settings/members/{userId}/role"] = Roles.Admin,
        ["/settings/members/{userId}/remove"] = Roles.Admin,
        ["/settings/members/invitations/{invitationId}/revoke"] = Roles.Admin,
        ["/settings/workspace"] = Roles.Admin,
    };

    public static bool May(string role, string write) => Array.IndexOf(Ranks, role) >= Array.IndexOf(Ranks, Least[write]);
}
