using System.Data.Common;
using Dapper;
using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes.Schemas;
using Hookway.Storage;

namespace Hookway.Dispatch.EventTypes;

/// <summary>Every SQL statement about event types.</summary>
public sealed class EventTypeStore(Database database, Configuration configuration, TimeProvider clock)
{
    private const string Columns = "no, name, description, example_payload, schema, archived_at, created_at, updated_at";

    /// <summary>Publishes a type: makes it, or replaces what it says and takes it out of the archive.</summary>
    public Task<(EventType Type, bool Created)> Publish(App app, Actor by, string name, string? description, byte[]? examplePayload, byte[]? schema = null) =>
        configuration.Change(by, async (session, touched) =>
        {
            var known = await Find(session.Connection, app, name);
            touched.Add(app.Subject());
            touched.Add(EventType.Subject(app.No, name));
            var row = await session.Connection.QuerySingleAsync<EventTypeRow>(
                $"""
                INSERT INTO event_types (app_no, name, description, example_payload, schema, created_at, updated_at)
                VALUES (@No, @name, @description, @examplePayload, @schema, @now, @now)
                ON CONFLICT (app_no, name) DO UPDATE SET description = excluded.description, example_payload = excluded.example_payload, schema = excluded.schema,
                    archived_at = NULL, updated_at = excluded.updated_at
                RETURNING {Columns}
                """, new { app.No, name, description, examplePayload, schema, now = Now });
            var type = row.ToEventType();
            Record(touched, app, known is null ? "event_type.created" : "event_type.updated", known, type);
            return (type, known is null);
        });

    public Task<EventType?> Find(App app, string name) => database.Read(connection => Find(connection, app, name));

    /// <summary>The schema of a type, kept in memory ready to be checked against; null when it has none.</summary>
    public ValueTask<JsonSchema?> ViewSchema(App app, string name) =>
        configuration.View(EventType.Subject(app.No, name), connection => LoadSchema(connection, app, name));

    /// <summary>The same, read inside a transaction.</summary>
    public static async Task<JsonSchema?> LoadSchema(DbConnection connection, App app, string name) =>
        (await Find(connection, app, name))?.Schema is { } schema ? JsonSchema.Read(schema, "schema", new FieldErrors()) : null;

    public Task<List<EventType>> List(App app, bool includeArchived, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<EventTypeRow>(
            $"""
            SELECT {Columns} FROM event_types WHERE app_no = @No AND no < @before{(includeArchived ? "" : " AND archived_at IS NULL")}
            ORDER BY no DESC LIMIT @limit
            """, new { app.No, before, limit })).Select(row => row.ToEventType()).ToList());

    /// <summary>Archives a type; null when there is none. Archiving twice keeps the first time.</summary>
    public Task<EventType?> Archive(App app, Actor by, string name) => configuration.Change(by, async (session, touched) =>
    {
        if (await Find(session.Connection, app, name) is not { } old)
        {
            return null;
        }
        touched.Add(app.Subject());
        var archived = (await session.Connection.QuerySingleAsync<EventTypeRow>(
            $"""
            UPDATE event_types SET archived_at = coalesce(archived_at, @now), updated_at = @now
            WHERE app_no = @No AND name = @name RETURNING {Columns}
            """, new { app.No, name, now = Now })).ToEventType();
        Record(touched, app, "event_type.archived", old, archived);
        return archived;
    });

    private static void Record(ChangedSubjects touched, App app, string action, EventType? old, EventType type) => touched.Record(
        app.WorkspaceNo, type.UpdatedAt, action, $"{app.AppId}/event-types/{type.Name}", old is null ? null : EventTypeResource.Of(old), EventTypeResource.Of(type));

    private static async Task<EventType?> Find(DbConnection connection, App app, string name) =>
        (await connection.QuerySingleOrDefaultAsync<EventTypeRow>(
            $"SELECT {Columns} FROM event_types WHERE app_no = @No AND name = @name", new { app.No, name }))?.ToEventType();

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record EventTypeRow(
        long No, string Name, string? Description, byte[]? ExamplePayload, byte[]? Schema, long? ArchivedAt, long CreatedAt, long UpdatedAt)
    {
        public EventType ToEventType() => new(
            No, Name, Description, ExamplePayload, Schema, Stored.Time(ArchivedAt), Stored.Time(CreatedAt), Stored.Time(UpdatedAt));
    }
}
