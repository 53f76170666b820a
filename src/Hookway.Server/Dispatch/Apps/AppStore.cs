using System.Collections.Frozen;
using System.Data.Common;
using Dapper;
using Hookway.Access;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Dispatch.Apps;

/// <summary>Every SQL statement about apps.</summary>
public sealed class AppStore(Database database, Configuration configuration, WorkspaceStore workspaces, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "no, id, workspace_no, name, routing_key_body_path, routing_key_header, created_at, updated_at, archived_at";

    /// <summary>Adds an app, unless the workspace has as many as it may have.</summary>
    public Task<(App? App, Problem? Problem)> Create(Caller caller, string name, string? routingKeyBodyPath, string? routingKeyHeader) =>
        configuration.Change(caller.Actor, async Task<(App?, Problem?)> (session, touched) =>
        {
            if ((await workspaces.Load(session.Connection, caller.WorkspaceNo)).Limits.Apps is { } most)
            {
                await WorkspaceStore.Lock(session, caller.WorkspaceNo);
                if (await Count(session.Connection, caller.WorkspaceNo) >= most)
                {
                    return (null, Problem.LimitReached(LimitKind.Apps.Name, $"The workspace has a limit of {most} apps; archive one first.", Problem.NotByItself));
                }
            }
            var app = (await session.Connection.QuerySingleAsync<AppRow>(
                $"""
                INSERT INTO apps (id, workspace_no, name, routing_key_body_path, routing_key_header, created_at, updated_at)
                VALUES (@id, @WorkspaceNo, @name, @routingKeyBodyPath, @routingKeyHeader, @now, @now) RETURNING {Columns}
                """,
                new { id = ids.New(IdPrefix.App), caller.WorkspaceNo, name, routingKeyBodyPath, routingKeyHeader, now = Now })).ToApp();
            touched.Add(app.Subject());
            touched.Record(app.WorkspaceNo, app.CreatedAt, "app.created", app.AppId, null, AppResource.Of(app));
            return (app, null);
        });

    /// <summary>How many apps of a workspace are not archived.</summary>
    public Task<long> Count(long workspaceNo) => database.Read(connection => Count(connection, workspaceNo));

    private static Task<long> Count(DbConnection connection, long workspaceNo) =>
        connection.ExecuteScalarAsync<long>("SELECT count(*) FROM apps WHERE workspace_no = @workspaceNo AND archived_at IS NULL", new { workspaceNo });

    public Task<List<App>> List(long workspaceNo, bool includeArchived, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<AppRow>(
            $"""
            SELECT {Columns} FROM apps WHERE workspace_no = @workspaceNo AND no < @before{(includeArchived ? "" : " AND archived_at IS NULL")}
            ORDER BY no DESC LIMIT @limit
            """, new { workspaceNo, before, limit })).Select(row => row.ToApp()).ToList());

    /// <summary>The app and its published types, kept in memory; null when it is not of this workspace. For a portal session: its own app alone, and of that one recipient.</summary>
    public async ValueTask<AppView?> View(Caller caller, string appId)
    {
        if (await configuration.View(App.Subject(appId), connection => Load(connection, caller.WorkspaceNo, appId)) is not { } view || view.App.WorkspaceNo != caller.WorkspaceNo)
        {
            return null;
        }
        return caller.Portal is not { } portal ? view
            : portal.AppId == appId ? view with { App = view.App with { OnlyRecipient = portal.Recipient } }
            : null;
    }

    /// <summary>The same, read inside a transaction.</summary>
    public static async Task<AppView?> Load(DbConnection connection, long workspaceNo, string appId)
    {
        if ((await connection.QuerySingleOrDefaultAsync<AppRow>(
            $"SELECT {Columns} FROM apps WHERE id = @appId AND workspace_no = @workspaceNo", new { appId, workspaceNo }))?.ToApp() is not { } app)
        {
            return null;
        }
        var types = (await connection.QueryAsync<(string Name, long HasSchema)>(
            "SELECT name, CASE WHEN schema IS NULL THEN 0 ELSE 1 END FROM event_types WHERE app_no = @No AND archived_at IS NULL", new { app.No })).AsList();
        return new AppView(
            app, types.Select(type => type.Name).ToFrozenSet(StringComparer.Ordinal),
            types.Where(type => type.HasSchema != 0).Select(type => type.Name).ToFrozenSet(StringComparer.Ordinal));
    }

    /// <summary>Changes an app that is not archived; null when it is, or is not of this workspace.</summary>
    public Task<App?> Update(Caller caller, string appId, Func<App, App> change) =>
        configuration.Change(caller.Actor, (session, touched) => Update(session, touched, caller.WorkspaceNo, appId, "app.updated", change));

    /// <summary>Archives an app; null when it is archived already, or is not of this workspace.</summary>
    /// <param name="also">What else becomes void with the app, in the same transaction.</param>
    public Task<App?> Archive(Caller caller, string appId, Func<WriteSession, ChangedSubjects, App, Task> also) => configuration.Change(caller.Actor, async (session, touched) =>
    {
        if (await Update(session, touched, caller.WorkspaceNo, appId, "app.archived", app => app with { ArchivedAt = clock.GetUtcNow() }) is not { } archived)
        {
            return null;
        }
        await also(session, touched, archived);
        return archived;
    });

    private async Task<App?> Update(WriteSession session, ChangedSubjects touched, long workspaceNo, string appId, string action, Func<App, App> change)
    {
        if (await Load(session.Connection, workspaceNo, appId) is not { App: { ArchivedAt: null } old })
        {
            return null;
        }
        var changed = change(old);
        touched.Add(old.Subject());
        var saved = (await session.Connection.QuerySingleAsync<AppRow>(
            $"""
            UPDATE apps SET name = @Name, routing_key_body_path = @RoutingKeyBodyPath, routing_key_header = @RoutingKeyHeader,
                archived_at = @archivedAt, updated_at = @now
            WHERE no = @No RETURNING {Columns}
            """,
            new { changed.Name, changed.RoutingKeyBodyPath, changed.RoutingKeyHeader, archivedAt = Stored.Time(changed.ArchivedAt), now = Now, old.No })).ToApp();
        touched.Record(workspaceNo, saved.UpdatedAt, action, appId, AppResource.Of(old), AppResource.Of(saved));
        return saved;
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record AppRow(
        long No, string Id, long WorkspaceNo, string Name, string? RoutingKeyBodyPath, string? RoutingKeyHeader,
        long CreatedAt, long UpdatedAt, long? ArchivedAt)
    {
        public App ToApp() => new(
            No, Id, WorkspaceNo, Name, RoutingKeyBodyPath, RoutingKeyHeader,
            Stored.Time(CreatedAt), Stored.Time(UpdatedAt), Stored.Time(ArchivedAt));
    }
}
