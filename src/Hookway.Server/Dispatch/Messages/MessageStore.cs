using System.Data.Common;
using Dapper;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Every SQL statement about messages and idempotency keys.</summary>
public sealed class MessageStore(Database database, TimeProvider clock)
{
    private const string Columns =
        "m.seq, m.app_no, m.id AS message_id, m.recipient_no, r.recipient, m.event_type, m.created_at, m.deliver_at, m.content_hash";

    private const string From = "FROM messages m JOIN recipients r ON r.no = m.recipient_no";

    /// <summary>When messages were accepted, by their sequences.</summary>
    public TimeOrder Times { get; } = new("messages", "created_at");

    /// <summary>The counter that numbers messages in the order of acceptance.</summary>
    public const string Counter = "messages";

    /// <summary>How long an idempotency key is remembered.</summary>
    public static TimeSpan KeyLifetime { get; } = TimeSpan.FromHours(24);

    private static readonly RowStatement<NewMessage> InsertStatement = new RowStatement<NewMessage>(
        """
        INSERT INTO messages (seq, app_no, id, recipient_no, event_type, created_at, deliver_at, content_hash, data, unmatched)
        SELECT v.seq, v.app, v.id, v.recipient, v.type, v.created, v.deliver_at, v.hash, v.data, v.unmatched FROM {rows}
        """)
        .Number("seq", row => row.Seq).Number("app", row => row.Send.App.No).Text("id", row => row.Send.MessageId).Number("recipient", row => row.RecipientNo)
        .Text("type", row => row.Send.Draft.Type).Number("created", row => row.Send.CreatedAt.ToUnixTimeMilliseconds())
        .Number("deliver_at", row => Stored.Time(row.Send.Draft.DeliverAt)).Bytes("hash", row => Stored.Bytes(row.Send.ContentHash)).Bytes("data", row => row.Send.Draft.Data)
        .Text("unmatched", row => row.Unmatched?.ToString());

    private static readonly RowStatement InsertKeyStatement = new(
        $$"""
        INSERT INTO idempotency_keys (app_no, key, message_seq, expires_at) SELECT v.app, v.key, v.message, v.expires FROM {rows} WHERE true
        ON CONFLICT (app_no, key) DO UPDATE SET message_seq = excluded.message_seq, expires_at = excluded.expires_at
            WHERE idempotency_keys.expires_at < excluded.expires_at - {{(long)KeyLifetime.TotalMilliseconds}}
        RETURNING message_seq
        """, RowStatement.Number("app"), RowStatement.Text("key"), RowStatement.Number("message"), RowStatement.Number("expires"));

    private static readonly RowStatement FindByIdStatement = new(
        "SELECT v.app, v.id, m.id, m.content_hash, m.seq FROM {rows} JOIN messages m ON m.app_no = v.app AND m.id = v.id",
        RowStatement.Number("app"), RowStatement.Text("id"));

    private static readonly RowStatement FindByKeyStatement = new(
        """
        SELECT v.app, v.key, m.id, m.content_hash, m.seq FROM {rows} JOIN idempotency_keys k ON k.app_no = v.app AND k.key = v.key JOIN messages m ON m.seq = k.message_seq
        WHERE k.expires_at >= v.now
        """, RowStatement.Number("app"), RowStatement.Text("key"), RowStatement.Number("now"));

    private static readonly RowStatement<long> ExpireStatement = new RowStatement<long>("UPDATE messages SET data = NULL FROM {rows} WHERE messages.seq = v.message").Number("message", seq => seq);

    private static readonly RowStatement<long> EraseStatement = new RowStatement<long>("DELETE FROM messages WHERE seq IN (SELECT v.message FROM {rows})").Number("message", seq => seq);

    private static readonly RowStatement<long> EraseKeysStatement = new RowStatement<long>(
        "DELETE FROM idempotency_keys WHERE message_seq IN (SELECT v.message FROM {rows})").Number("message", seq => seq);

    private static readonly RowStatement RemoveKeysStatement = new(
        """
        DELETE FROM idempotency_keys WHERE (app_no, key) IN (
            SELECT app_no, key FROM idempotency_keys WHERE expires_at < (SELECT v.now FROM {rows}) ORDER BY expires_at LIMIT (SELECT v.most FROM {rows})) RETURNING message_seq
        """, RowStatement.Number("now"), RowStatement.Number("most"));

    /// <summary>Adds messages.</summary>
    public static Task Insert(WriteSession session, IReadOnlyList<NewMessage> messages) => session.ForEach(InsertStatement, messages);

    /// <summary>Remembers callers' keys, in the place of those that have expired.</summary>
    public static async Task InsertKeys(WriteSession session, IReadOnlyList<(long AppNo, string Key, long MessageSeq)> keys, DateTimeOffset now)
    {
        if (keys.Count == 0)
        {
            return;
        }
        var expires = (now + KeyLifetime).ToUnixTimeMilliseconds();
        var inserted = await session.Read(InsertKeyStatement, [.. keys.Select(item => new object?[] { item.AppNo, item.Key, item.MessageSeq, expires })], row => row.GetInt64(0));
        if (inserted.Count < keys.Count)
        {
            throw new WriteConflictException("Another node accepted a message under the same idempotency key at the same time.");
        }
        // Each new key pays for two old ones, so the table does not wait for the retention.
        await session.Ask(RemoveKeysStatement, [now.ToUnixTimeMilliseconds(), keys.Count * 2L], _ => { });
    }

    /// <summary>The messages that callers' own ids stand for.</summary>
    public static async Task<Dictionary<(long AppNo, string Id), KnownMessage>> FindByIds(WriteSession session, IReadOnlyList<(long AppNo, string Id)> ids) =>
        (await session.Read(FindByIdStatement, [.. ids.Select(item => new object?[] { item.AppNo, item.Id })], ReadKnown)).ToDictionary(found => found.Key, found => found.Known);

    /// <summary>The messages that callers' idempotency keys stand for, while they are remembered.</summary>
    public static async Task<Dictionary<(long AppNo, string Key), KnownMessage>> FindByKeys(
        WriteSession session, IReadOnlyList<(long AppNo, string Key)> keys, DateTimeOffset now) =>
        (await session.Read(FindByKeyStatement, [.. keys.Select(item => new object?[] { item.AppNo, item.Key, now.ToUnixTimeMilliseconds() })], ReadKnown))
            .ToDictionary(found => found.Key, found => found.Known);

    private static ((long, string) Key, KnownMessage Known) ReadKnown(FoundRow row) =>
        ((row.GetInt64(0), row.GetString(1)), new KnownMessage(row.GetString(2), row.IsDBNull(3) ? null : row.GetBytes(3)) { Seq = row.GetInt64(4) });

    /// <summary>One message, without its data.</summary>
    public static async Task<Message?> FindById(DbConnection connection, App app, string messageId) =>
        (await connection.QuerySingleOrDefaultAsync<MessageRow>(
            $"SELECT {Columns} {From} WHERE m.app_no = @No AND m.id = @messageId{app.And("r.recipient")}", new { app.No, messageId, app.OnlyRecipient }))?.ToMessage();

    /// <summary>One message, without its data.</summary>
    public Task<Message?> Find(App app, string messageId) => database.Read(connection => FindById(connection, app, messageId));

    /// <summary>The message with its data, and the endpoints that it was not for.</summary>
    public Task<Message?> FindWithData(App app, string messageId) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<MessageRow>(
            $"SELECT {Columns}, m.data, m.unmatched {From} WHERE m.app_no = @No AND m.id = @messageId{app.And("r.recipient")}", new { app.No, messageId, app.OnlyRecipient }))?.ToMessage());

    /// <summary>What is to be sent of a message; null when it is gone or its data has been erased.</summary>
    public Task<MessageContent?> Content(long seq) => database.Read(async connection =>
        await connection.QuerySingleOrDefaultAsync<ContentRow>("SELECT id, event_type, created_at, data FROM messages WHERE seq = @seq", new { seq })
            is { Data: not null } row
            ? MessageContent.Of(row.Id, row.EventType, Stored.Time(row.CreatedAt), row.Data)
            : null);

    /// <summary>The last sequence given.</summary>
    public static Task<long> LastSeq(DbConnection connection) => connection.ExecuteScalarAsync<long>("SELECT coalesce(max(seq), 0) FROM messages");

    /// <summary>Messages by their sequences, newest first; with their data only when asked.</summary>
    public static async Task<List<Message>> FindBySeqs(DbConnection connection, App app, IReadOnlyList<long> seqs, bool withData)
    {
        if (seqs.Count == 0)
        {
            return [];
        }
        var columns = withData ? Columns + ", m.data" : Columns;
        return (await connection.QueryAsync<MessageRow>(
            $"SELECT {columns} {From} WHERE {Stored.Unindexed}m.app_no = @No AND m.seq IN {Stored.List(seqs)}{app.And("r.recipient")} ORDER BY m.seq DESC", new { app.No, app.OnlyRecipient })).Select(row => row.ToMessage()).ToList();
    }

    /// <summary>Behind which sequence, and up to which, all messages are that were accepted so far and between two times.</summary>
    public Task<(long After, long Last)> SeqsBetween(long since, long? until) => database.Read(async connection =>
    {
        var end = until is { } time ? await Times.EndBefore(connection, time) : long.MaxValue;
        return (await Times.FirstSince(connection, since) - 1, Math.Min(await LastSeq(connection), end - 1));
    });

    /// <summary>What is kept of messages beside their data: the endpoints that they were not for, and whether there is still data.</summary>
    public Task<Dictionary<long, (string? Unmatched, bool IsErased)>> FindRest(App app, IReadOnlyList<long> seqs) => database.Read(async connection =>
        (await connection.QueryAsync<(long Seq, string? Unmatched, long IsErased)>(
            $"SELECT seq, unmatched, CASE WHEN data IS NULL THEN 1 ELSE 0 END FROM messages WHERE {Stored.Unindexed}app_no = @No AND seq IN {Stored.List(seqs)}", new { app.No }))
            .ToDictionary(row => row.Seq, row => (row.Unmatched, row.IsErased != 0)));

    /// <summary>The ids of messages, by their sequences.</summary>
    public static async Task<Dictionary<long, string>> FindIds(DbConnection connection, App app, IEnumerable<long> seqs) =>
        (await connection.QueryAsync<(long Seq, string Id)>($"SELECT seq, id FROM messages WHERE {Stored.Unindexed}app_no = @No AND seq IN {Stored.List(seqs)}", new { app.No }))
            .ToDictionary(row => row.Seq, row => row.Id);

    /// <summary>Erases what a message carries; its record stays.</summary>
    public static Task ErasePayload(WriteSession session, Message message) =>
        session.Connection.ExecuteAsync("UPDATE messages SET data = NULL WHERE seq = @Seq", new { message.Seq });

    /// <summary>Erases up to <paramref name="most"/> messages of a recipient, none after <paramref name="lastSeq"/>, with all that belongs to them; answers how many.</summary>
    public Task<int> EraseSome(Recipient recipient, long lastSeq, int most) => database.Write(async session =>
    {
        var seqs = (await session.Connection.QueryAsync<long>(
            "SELECT seq FROM messages WHERE recipient_no = @No AND seq <= @lastSeq ORDER BY seq LIMIT @most", new { recipient.No, lastSeq, most })).AsList();
        await Erase(session, seqs, clock.GetUtcNow());
        return seqs.Count;
    });

    private static async Task Erase(WriteSession session, IReadOnlyList<long> seqs, DateTimeOffset at)
    {
        await DeliveryStore.Erase(session, seqs, at);
        await session.ForEach(EraseKeysStatement, seqs);
        await session.ForEach(EraseStatement, seqs);
    }

    /// <summary>Whose each app is: numbers of apps and of workspaces.</summary>
    public Task<Dictionary<long, long>> OwnersOfApps() => database.Read(async connection =>
        (await connection.QueryAsync<(long No, long WorkspaceNo)>("SELECT no, workspace_no FROM apps")).ToDictionary(app => app.No, app => app.WorkspaceNo));

    /// <summary>Messages of all apps in the order of acceptance, behind one and before another, for their retention.</summary>
    public Task<List<AgingRow>> Walk(long after, long before, int most) => database.Read(async connection =>
        (await connection.QueryAsync<(long Seq, long AppNo, long CreatedAt, long HasData)>(
            """
            SELECT seq, app_no, created_at, CASE WHEN data IS NULL THEN 0 ELSE 1 END FROM messages WHERE seq > @after AND seq < @before ORDER BY seq LIMIT @most
            """, new { after, before, most })).Select(row => new AgingRow(row.Seq, row.AppNo, Stored.Time(row.CreatedAt), row.HasData != 0)).ToList());

    /// <summary>Erases what messages carry and cancels what is pending of them; answers the targets of that.</summary>
    public static async Task<IReadOnlyList<long>> Expire(WriteSession session, IReadOnlyList<long> seqs, DateTimeOffset at)
    {
        var targets = await DeliveryStore.EndOfMessages(session, seqs, DeliveryChange.Expired, at);
        await session.ForEach(ExpireStatement, seqs);
        return targets;
    }

    /// <summary>Erases messages with all that belongs to them, but for those that have a delivery that is pending, or expired after a time; answers those.</summary>
    public static async Task<IReadOnlyCollection<long>> EraseExpired(WriteSession session, IReadOnlyList<long> seqs, DateTimeOffset shownSince, DateTimeOffset at)
    {
        var stay = await DeliveryStore.UnendedOrExpiredSince(session, seqs, shownSince);
        await Erase(session, [.. seqs.Except(stay)], at);
        return stay;
    }

    /// <summary>Forgets callers' keys that have expired; answers how many.</summary>
    public static async Task<int> RemoveExpiredKeys(WriteSession session, DateTimeOffset now, int most) =>
        (await session.Read(RemoveKeysStatement, [[now.ToUnixTimeMilliseconds(), (long)most]], row => row.GetInt64(0))).Count;

    /// <summary>The ids of messages, by their sequences.</summary>
    public static async Task<IReadOnlyDictionary<long, string>> FindIds(DbConnection connection, IReadOnlyCollection<long> seqs) => seqs.Count == 0
        ? new Dictionary<long, string>()
        : (await connection.QueryAsync<(long Seq, string Id)>($"SELECT seq, id FROM messages WHERE seq IN {Stored.List(seqs)}")).ToDictionary(row => row.Seq, row => row.Id);

    private sealed record ContentRow(string Id, string EventType, long CreatedAt, byte[]? Data);

    private sealed record MessageRow
    {
        public long Seq { get; init; }
        public long AppNo { get; init; }
        public string MessageId { get; init; } = "";
        public long RecipientNo { get; init; }
        public string Recipient { get; init; } = "";
        public string EventType { get; init; } = "";
        public long CreatedAt { get; init; }
        public long? DeliverAt { get; init; }
        public byte[]? ContentHash { get; init; }
        public byte[]? Data { get; init; }
        public string? Unmatched { get; init; }

        public Message ToMessage() => new(
            Seq, AppNo, MessageId, RecipientNo, Recipient, EventType, Stored.Time(CreatedAt), Stored.Time(DeliverAt), ContentHash, Data, Unmatched);
    }
}

/// <summary>A message that is added.</summary>
/// <param name="Seq">The place in the order of acceptance that it was given.</param>
public readonly record struct NewMessage(long Seq, MessageSend Send, long RecipientNo, Unmatched? Unmatched);

/// <summary>What a repeated send is compared with.</summary>
/// <param name="ContentHash">Null when the message was sent without a key that a repeat could use.</param>
public sealed record KnownMessage(string MessageId, byte[]? ContentHash)
{
    /// <summary>Given when it is inserted.</summary>
    public long Seq { get; set; }
}
