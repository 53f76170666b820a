using System.Data.Common;
using Dapper;
using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Apps;
using Hookway.Storage;

namespace Hookway.Dispatch.Recipients;

/// <summary>Every SQL statement about recipients.</summary>
public sealed class RecipientStore(Database database, Configuration configuration, ReadBounds bounds, TimeProvider clock)
{
    private const string Columns =
        """
        no, app_no, recipient, name, metadata, created_at, updated_at, deleted_at,
        (SELECT count(*) FROM endpoints e WHERE e.recipient_no = recipients.no AND e.deleted_at IS NULL) AS endpoint_count
        """;

    /// <summary>Makes the recipient, or replaces its name and metadata.</summary>
    public Task<(Recipient Recipient, bool Created)> Put(App app, Actor by, string id, string? name, byte[]? metadata) => configuration.Change(by, async (session, touched) =>
    {
        var known = await Find(session.Connection, app.No, id);
        touched.Add(Recipient.Subject(app.No, id));
        await session.Connection.ExecuteAsync(
            """
            INSERT INTO recipients (app_no, recipient, name, folded_name, metadata, created_at, updated_at) VALUES (@No, @id, @name, @folded, @metadata, @now, @now)
            ON CONFLICT (app_no, recipient) DO UPDATE SET name = excluded.name, folded_name = excluded.folded_name, metadata = excluded.metadata,
                updated_at = excluded.updated_at, deleted_at = NULL
            """, new { app.No, id, name, folded = Fold(name), metadata, now = Now });
        var saved = (await Find(session.Connection, app.No, id))!;
        touched.Record(
            app.WorkspaceNo, saved.UpdatedAt, known is null ? "recipient.created" : "recipient.updated", Recipient.AuditName(app.AppId, id),
            known is null ? null : RecipientResource.Of(known), RecipientResource.Of(saved));
        return (saved, known is null);
    });

    private static readonly RowStatement EnsureStatement = new(
        """
        INSERT INTO recipients (app_no, recipient, name, folded_name, created_at, updated_at) SELECT v.app, v.id, v.name, v.folded, v.now, v.now FROM {rows} WHERE true
        ON CONFLICT (app_no, recipient) DO UPDATE SET name = coalesce(excluded.name, recipients.name),
            folded_name = coalesce(excluded.folded_name, recipients.folded_name), deleted_at = NULL,
            updated_at = CASE WHEN excluded.name IS NULL AND recipients.deleted_at IS NULL THEN recipients.updated_at ELSE excluded.updated_at END
        RETURNING app_no, recipient, no
        """, RowStatement.Number("app"), RowStatement.Text("id"), RowStatement.Text("name"), RowStatement.Text("folded"), RowStatement.Number("now"));

    /// <summary>The numbers of recipients, made where they are not there yet; a name is set when it is given.</summary>
    /// <param name="recipients">Each at most once.</param>
    public static async Task<Dictionary<(long AppNo, string Id), long>> Ensure(
        WriteSession session, IEnumerable<(long AppNo, string Id, string? Name)> recipients, DateTimeOffset now) =>
        (await session.Read(
            EnsureStatement,
            // In one order on every node, so that no two wait for each other.
            [.. recipients.OrderBy(item => item.AppNo).ThenBy(item => item.Id, StringComparer.Ordinal).Select(item => new object?[] { item.AppNo, item.Id, item.Name, Fold(item.Name), now.ToUnixTimeMilliseconds() })],
            reader => (AppNo: reader.GetInt64(0), Id: reader.GetString(1), No: reader.GetInt64(2)))).ToDictionary(row => (row.AppNo, row.Id), row => row.No);

    public Task<Recipient?> Find(App app, string id) => database.Read(async connection => app.Hides(id) ? null : await Find(connection, app.No, id));

    /// <summary>Recipients newest first; <paramref name="q"/> finds those whose id or name begins with it, a name without regard to case.</summary>
    public Task<Found<Recipient>> List(App app, string? q, long before, int limit) => database.Read(async connection =>
    {
        if (app.OnlyRecipient is not null)
        {
            return new Found<Recipient>(await Read(connection, "recipient = @OnlyRecipient AND no < @before", new { app.No, app.OnlyRecipient, before, limit }), null);
        }
        if (q is null)
        {
            return new Found<Recipient>(await Read(connection, "no < @before", new { app.No, before, limit }), null);
        }
        var (folded, most) = (Recipient.Fold(q), bounds.Rows);
        var values = new { app.No, q, end = Prefix.EndOf(q), folded, foldedEnd = Prefix.EndOf(folded), most };
        var matches = (await connection.QueryAsync<long>("SELECT no FROM recipients WHERE app_no = @No AND recipient >= @q AND recipient < @end LIMIT @most", values))
            .Concat(await connection.QueryAsync<long>(
                "SELECT no FROM recipients WHERE app_no = @No AND folded_name IS NOT NULL AND folded_name >= @folded AND folded_name < @foldedEnd LIMIT @most", values))
            .Distinct().ToList();
        if (matches.Count < most)
        {
            var page = new List<Recipient>();
            // Some of them may be deleted, so that a page may take more than a pageful.
            foreach (var some in matches.Where(no => no < before).OrderDescending().Chunk(2 * limit).TakeWhile(_ => page.Count < limit))
            {
                page.AddRange(await Read(connection, $"no IN {Stored.List(some)}", new { app.No, limit = limit - page.Count }));
            }
            return new Found<Recipient>(page, null);
        }
        // With so many there are some among the newest: the list is read as it is without a search, and only so far.
        var stopAt = await connection.ExecuteScalarAsync<long?>(
            "SELECT no FROM recipients WHERE app_no = @No AND deleted_at IS NULL AND no < @before ORDER BY no DESC LIMIT 1 OFFSET @last",
            new { app.No, before, last = most - 1 });
        var found = await Read(
            connection, "no < @before AND no >= @from AND ((recipient >= @q AND recipient < @end) OR (folded_name >= @folded AND folded_name < @foldedEnd))",
            new { app.No, before, from = stopAt ?? 0, limit, q, values.end, folded, values.foldedEnd });
        return new Found<Recipient>(found, found.Count < limit ? stopAt : null);
    });

    private static async Task<List<Recipient>> Read(DbConnection connection, string where, object values) => (await connection.QueryAsync<RecipientRow>(
        $"SELECT {Columns} FROM recipients WHERE app_no = @No AND deleted_at IS NULL AND {where} ORDER BY no DESC LIMIT @limit", values)).Select(row => row.ToRecipient()).ToList();

    /// <summary>The number of a recipient, also of one that is deleted: its messages stay.</summary>
    public static Task<long?> FindNo(DbConnection connection, App app, string id) => connection.QuerySingleOrDefaultAsync<long?>(
        "SELECT no FROM recipients WHERE app_no = @No AND recipient = @id", new { app.No, id });

    /// <summary>Also one that is deleted: what is left of it may be erased.</summary>
    public Task<Recipient?> FindWithDeleted(App app, string id) => database.Read(async connection => app.Hides(id) ? null :
        (await connection.QuerySingleOrDefaultAsync<RecipientRow>(
            $"SELECT {Columns} FROM recipients WHERE app_no = @No AND recipient = @id", new { app.No, id }))?.ToRecipient());

    /// <summary>Marks a recipient as deleted; its history stays.</summary>
    /// <param name="purge">Forget its name and metadata as well, so that a send that makes it anew does not bring them back.</param>
    public static Task Delete(WriteSession session, long no, bool purge, DateTimeOffset now) =>
        session.Connection.ExecuteAsync(
            $"UPDATE recipients SET deleted_at = coalesce(deleted_at, @now){(purge ? ", name = NULL, folded_name = NULL, metadata = NULL" : "")} WHERE no = @no",
            new { no, now = now.ToUnixTimeMilliseconds() });

    /// <summary>Erases a deleted recipient's row and its endpoints' rows, unless it has come back or has messages: those refer to them.</summary>
    public Task Erase(App app, Recipient recipient) => configuration.ChangeUnrecorded(async (session, touched) =>
    {
        const string IsOver =
            "SELECT no FROM recipients WHERE no = @No AND deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.recipient_no = recipients.no)";
        touched.Add(Recipient.Subject(app.No, recipient.Id));
        var endpoints = await session.Connection.QueryAsync<long>($"DELETE FROM endpoints WHERE recipient_no IN ({IsOver}) RETURNING no", new { recipient.No });
        foreach (var no in endpoints)
        {
            touched.Add(DeliveryTarget.Subject(no));
            await CircuitStore.Erase(session, no);
            await TargetStatStore.Erase(session, no);
        }
        return await session.Connection.ExecuteAsync($"DELETE FROM recipients WHERE no IN ({IsOver})", new { recipient.No });
    });

    /// <summary>A recipient that is not deleted.</summary>
    public static async Task<Recipient?> Find(DbConnection connection, long appNo, string id) =>
        (await connection.QuerySingleOrDefaultAsync<RecipientRow>(
            $"SELECT {Columns} FROM recipients WHERE app_no = @appNo AND recipient = @id AND deleted_at IS NULL", new { appNo, id }))?.ToRecipient();

    private static string? Fold(string? name) => name is null ? null : Recipient.Fold(name);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record RecipientRow
    {
        public long No { get; init; }
        public long AppNo { get; init; }
        public string Recipient { get; init; } = "";
        public string? Name { get; init; }
        public byte[]? Metadata { get; init; }
        public int EndpointCount { get; init; }
        public long CreatedAt { get; init; }
        public long UpdatedAt { get; init; }
        public long? DeletedAt { get; init; }

        public Recipient ToRecipient() => new(
            No, AppNo, Recipient, Name, Metadata, EndpointCount, Stored.Time(CreatedAt), Stored.Time(UpdatedAt), Stored.Time(DeletedAt));
    }
}
