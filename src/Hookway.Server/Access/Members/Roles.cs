namespace Hookway.Access.Members;

/// <summary>What a member may do in a workspace: viewer reads everything, member also works with messages, endpoints, recipients and feeds, admin does all but touch owners, owner all.</summary>
public static class Roles
{
    public const string Owner = "owner";
    public const string Admin = "admin";
    public const string Member = "member";
    public const string Viewer = "viewer";

    private static readonly string[] Reads = [.. Scopes.All.Where(scope => scope.EndsWith(":read", StringComparison.Ordinal))];

    private static readonly Dictionary<string, IReadOnlyList<string>> ScopesByRole = new()
    {
        [Owner] = [Scopes.Everything],
        [Admin] = [Scopes.Everything],
        [Member] = [.. Reads, Scopes.MessageWrite, Scopes.EndpointWrite, Scopes.RecipientWrite, Scopes.IngestWrite],
        [Viewer] = Reads,
    };

    /// <summary>Every role, the one that may do most first.</summary>
    public static IReadOnlyList<string> All { get; } = [Owner, Admin, Member, Viewer];

    public static bool IsRole(string? text) => text is not null && ScopesByRole.ContainsKey(text);

    /// <summary>The scopes that a role stands for.</summary>
    public static IReadOnlyList<string> ScopesOf(string role) => ScopesByRole[role];

    /// <summary>Whether who holds these scopes may invite people as this: nobody hands out more than they hold, and owners are made by owners.</summary>
    public static bool MayInvite(IReadOnlyList<string> scopes, bool isOwner, string role)
    {
        bool Holds(string scope) => scopes.Contains(scope) || scopes.Contains(Scopes.Everything);
        return (isOwner || role != Owner) && Holds(Scopes.WorkspaceWrite) && ScopesOf(role).All(Holds);
    }

    /// <summary>One sentence about a role, for people who hand it out.</summary>
    public static string Sentence(string role) => role switch
    {
        Owner => "May do everything, and is the only one who can add or remove owners.",
        Admin => "May do everything but add, change or remove owners.",
        Member => "Reads everything; sends and replays, manages recipients, endpoints and feeds.",
        _ => "Reads everything, changes nothing.",
    };
}
