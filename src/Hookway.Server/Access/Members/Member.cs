namespace Hookway.Access.Members;

/// <summary>A person in a workspace.</summary>
/// <param name="LastSeenAt">When one of their sessions was last used; null when they have none.</param>
public sealed record Member(
    long UserNo, string UserId, string Email, string Name, string Role, bool HasCodes, DateTimeOffset CreatedAt, DateTimeOffset? LastSeenAt);

/// <summary>A workspace that a person belongs to, and what they are there.</summary>
public sealed record Membership(WorkspaceName Workspace, string Role);
