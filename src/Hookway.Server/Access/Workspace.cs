namespace Hookway.Access;

/// <summary>The tenant: nothing crosses it.</summary>
public sealed record Workspace(long No, string WorkspaceId, string Name);
