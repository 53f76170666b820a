using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about workspaces.</summary>
/// <param name="server">The limits of a workspace that has none of its own.</param>
public sealed class WorkspaceStore(Database database, Configuration configuration, WorkspaceLimits server, IdGenerator ids, TimeProvider clock)
{
    private const string Columns =
        "no, id, name, requests_per_second, messages_per_month, most_apps, endpoints_per_recipient, retention_days, payload_bytes, portal_capabilities, created_at";

    /// <summary>The workspace with this number, kept in memory.</summary>
    public async ValueTask<Workspace> View(long no) => (await configuration.View(Workspace.Subject(no), async connection => (Workspace?)await Load(connection, no)))!;

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<Workspace> Load(DbConnection connection, long no) =>
        (await connection.QuerySingleAsync<WorkspaceRow>($"SELECT {Columns} FROM workspaces WHERE no = @no", new { no })).ToWorkspace(server);

    /// <summary>Makes whoever does the same wait for this transaction's end: what is counted against a limit then stays as it was counted.</summary>
    public static Task Lock(WriteSession session, long no) => session.Connection.ExecuteAsync("UPDATE workspaces SET name = name WHERE no = @no", new { no });

    /// <summary>The first workspace of the store, whatever it is called by now; null in an empty store.</summary>
    public Task<Workspace?> First() => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>($"SELECT {Columns} FROM workspaces ORDER BY no LIMIT 1"))?.ToWorkspace(server));

    public Task<Workspace?> Find(long workspaceNo) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>($"SELECT {Columns} FROM workspaces WHERE no = @workspaceNo", new { workspaceNo }))?.ToWorkspace(server));

    /// <summary>The workspace with this id or name; the first of those with the name.</summary>
    public async Task<Workspace?> Find(string idOrName) => (await FindAll(idOrName)).FirstOrDefault();

    /// <summary>The workspaces with this id or name: a name may be that of several.</summary>
    public Task<List<Workspace>> FindAll(string idOrName) => database.Read(async connection =>
        (await connection.QueryAsync<WorkspaceRow>($"SELECT {Columns} FROM workspaces WHERE id = @idOrName OR name = @idOrName ORDER BY no", new { idOrName }))
            .Select(row => row.ToWorkspace(server)).ToList());

    /// <summary>The workspace with this name, made when there is none.</summary>
    public Task<(Workspace Workspace, bool Created)> FindOrCreate(string name, Actor by) => configuration.Change(by, async (session, touched) =>
    {
        if (await session.Connection.QuerySingleOrDefaultAsync<WorkspaceRow>($"SELECT {Columns} FROM workspaces WHERE name = @name ORDER BY no LIMIT 1", new { name }) is { } row)
        {
            return (row.ToWorkspace(server), false);
        }
        var now = clock.GetUtcNow();
        var created = (await session.Connection.QuerySingleAsync<WorkspaceRow>(
            $"INSERT INTO workspaces (id, name, created_at) VALUES (@id, @name, @now) RETURNING {Columns}",
            new { id = ids.New(IdPrefix.Workspace), name, now = now.ToUnixTimeMilliseconds() })).ToWorkspace(server);
        Record(touched, now, "workspace.created", null, created);
        return (created, true);
    });

    /// <summary>Changes what a workspace is called and lets its portal sessions do.</summary>
    public Task<Workspace> Update(long no, Actor by, Func<Workspace, Workspace> change) => Change(no, by, "workspace.updated", change);

    /// <summary>Changes a workspace's own limits.</summary>
    public Task<Workspace> SetLimits(long no, Actor by, Func<WorkspaceLimits, WorkspaceLimits> change) =>
        Change(no, by, "workspace.limits_changed", workspace => workspace with { OwnLimits = change(workspace.OwnLimits) });

    private Task<Workspace> Change(long no, Actor by, string action, Func<Workspace, Workspace> change) => configuration.Change(by, async (session, touched) =>
    {
        var old = await Load(session.Connection, no);
        var changed = change(old);
        var own = changed.OwnLimits;
        await session.Connection.ExecuteAsync(
            """
            UPDATE workspaces SET name = @Name, portal_capabilities = @capabilities, requests_per_second = @RequestsPerSecond, messages_per_month = @MessagesPerMonth,
                most_apps = @Apps, endpoints_per_recipient = @EndpointsPerRecipient, retention_days = @RetentionDays, payload_bytes = @PayloadBytes
            WHERE no = @no
            """,
            new
            {
                no, changed.Name, own.RequestsPerSecond, own.MessagesPerMonth, own.Apps, own.EndpointsPerRecipient, own.RetentionDays, own.PayloadBytes,
                capabilities = changed.PortalCapabilities.Count == Capabilities.All.Count ? null : string.Join(' ', changed.PortalCapabilities),
            });
        var saved = await Load(session.Connection, no);
        Record(touched, clock.GetUtcNow(), action, old, saved);
        return saved;
    });

    private static void Record(ChangedSubjects touched, DateTimeOffset at, string action, Workspace? old, Workspace saved)
    {
        touched.Add(Workspace.Subject(saved.No));
        touched.Record(saved.No, at, action, saved.WorkspaceId, old is null ? null : WorkspaceSettings.Of(old), WorkspaceSettings.Of(saved));
    }

    private sealed record WorkspaceRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string Name { get; init; } = "";
        public long? RequestsPerSecond { get; init; }
        public long? MessagesPerMonth { get; init; }
        public long? MostApps { get; init; }
        public long? EndpointsPerRecipient { get; init; }
        public long? RetentionDays { get; init; }
        public long? PayloadBytes { get; init; }
        public string? PortalCapabilities { get; init; }
        public long CreatedAt { get; init; }

        public Workspace ToWorkspace(WorkspaceLimits server)
        {
            var own = new WorkspaceLimits(RequestsPerSecond, MessagesPerMonth, MostApps, EndpointsPerRecipient, RetentionDays, PayloadBytes);
            return new Workspace(
                No, Id, Name, own, own.Over(server), PortalCapabilities?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? Capabilities.All, Stored.Time(CreatedAt));
        }
    }
}
