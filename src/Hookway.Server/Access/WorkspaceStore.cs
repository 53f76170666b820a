using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about workspaces.</summary>
public sealed class WorkspaceStore(Database database, IdGenerator ids, TimeProvider clock)
{
    /// <summary>The workspace with this name, made when there is none.</summary>
    public Task<(Workspace Workspace, bool Created)> FindOrCreate(string name) => database.Write(async session =>
    {
        var row = await session.Connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE name = @name ORDER BY no LIMIT 1", new { name });
        if (row is not null)
        {
            return (row.ToWorkspace(), false);
        }
        var id = ids.New(IdPrefix.Workspace);
        var no = await session.Connection.ExecuteScalarAsync<long>(
            "INSERT INTO workspaces (id, name, created_at) VALUES (@id, @name, @now) RETURNING no",
            new { id, name, now = clock.GetUtcNow().ToUnixTimeMilliseconds() });
        return (new Workspace(no, id, name), true);
    });

    public Task<Workspace?> Find(string idOrName) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE id = @idOrName OR name = @idOrName ORDER BY no LIMIT 1", new { idOrName }))?.ToWorkspace());

    private sealed record WorkspaceRow(long No, string Id, string Name)
    {
        public Workspace ToWorkspace() => new(No, Id, Name);
    }
}
