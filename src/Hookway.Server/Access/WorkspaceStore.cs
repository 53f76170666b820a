using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about workspaces.</summary>
public sealed class WorkspaceStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    /// <summary>The workspace with this name, made when there is none.</summary>
    public Task<(Workspace Workspace, bool Created)> FindOrCreate(string name, Actor by) => configuration.Change(by, async (session, touched) =>
    {
        var row = await session.Connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE name = @name ORDER BY no LIMIT 1", new { name });
        if (row is not null)
        {
            return (row.ToWorkspace(), false);
        }
        var (id, now) = (ids.New(IdPrefix.Workspace), clock.GetUtcNow());
        var no = await session.Connection.ExecuteScalarAsync<long>(
            "INSERT INTO workspaces (id, name, created_at) VALUES (@id, @name, @now) RETURNING no",
            new { id, name, now = now.ToUnixTimeMilliseconds() });
        touched.Add(Workspace.Subject(no));
        touched.Record(no, now, "workspace.created", id, null, new { name });
        return (new Workspace(no, id, name), true);
    });

    /// <summary>The first workspace of the store, whatever it is called by now; null in an empty store.</summary>
    public Task<Workspace?> First() => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>("SELECT no, id, name FROM workspaces ORDER BY no LIMIT 1"))?.ToWorkspace());

    public Task<Workspace?> Find(long workspaceNo) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>("SELECT no, id, name FROM workspaces WHERE no = @workspaceNo", new { workspaceNo }))?.ToWorkspace());

    public Task<Workspace?> Find(string idOrName) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE id = @idOrName OR name = @idOrName ORDER BY no LIMIT 1", new { idOrName }))?.ToWorkspace());

    private sealed record WorkspaceRow(long No, string Id, string Name)
    {
        public Workspace ToWorkspace() => new(No, Id, Name);
    }
}
