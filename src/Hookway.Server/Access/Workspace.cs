namespace Hookway.Access;

/// <summary>The tenant: nothing crosses it.</summary>
public sealed record Workspace(long No, string WorkspaceId, string Name)
{
    /// <summary>What the view of a workspace depends on.</summary>
    public static string Subject(long no) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"workspace:{no}");
}
