using System.Data.Common;
using System.Text;
using Dapper;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Every SQL statement about messages and idempotency keys.</summary>
public sealed class MessageStore(Database database)
{
    private const string Columns =
        "m.seq, m.app_no, m.id AS message_id, m.recipient_no, r.recipient, m.event_type, m.created_at, m.deliver_at, m.content_hash";

    private const string From = "FROM messages m JOIN recipients r ON r.no = m.recipient_no";

    /// <summary>How long an idempotency key is remembered.</summary>
    public static TimeSpan KeyLifetime { get; } = TimeSpan.FromHours(24);

    /// <summary>Adds a message; answers its place in the order of acceptance.</summary>
    public static async Task<long> Insert(WriteSession session, MessageSend send, long recipientNo) =>
        (long)(await session.Prepared(
            """
            INSERT INTO messages (app_no, id, recipient_no, event_type, created_at, deliver_at, content_hash, data)
            VALUES (@app, @id, @recipient, @type, @created, @deliverAt, @hash, @data) RETURNING seq
            """, "@app", "@id", "@recipient", "@type", "@created", "@deliverAt", "@hash", "@data")
            .With(
                send.App.No, send.MessageId, recipientNo, send.Draft.Type, send.CreatedAt.ToUnixTimeMilliseconds(),
                Stored.Time(send.Draft.DeliverAt), send.ContentHash, send.Draft.Data.ToArray())
            .Scalar())!;

    /// <summary>Remembers a caller's key, in the place of one that has expired.</summary>
    public static async Task InsertKey(WriteSession session, long appNo, string key, long messageSeq, DateTimeOffset now)
    {
        await session.Prepared(
            "INSERT INTO idempotency_keys (app_no, key, message_seq, expires_at) VALUES (@app, @key, @message, @expires) " +
            "ON CONFLICT (app_no, key) DO UPDATE SET message_seq = excluded.message_seq, expires_at = excluded.expires_at",
            "@app", "@key", "@message", "@expires")
            .With(appNo, key, messageSeq, (now + KeyLifetime).ToUnixTimeMilliseconds()).Execute();
        // Each new key pays for two old ones, so the table never needs a sweep of its own.
        await session.Prepared(
            "DELETE FROM idempotency_keys WHERE (app_no, key) IN (SELECT app_no, key FROM idempotency_keys WHERE expires_at < @now ORDER BY expires_at LIMIT 2)",
            "@now").With(now.ToUnixTimeMilliseconds()).Execute();
    }

    /// <summary>The message that a caller's id stands for.</summary>
    public static async Task<Message?> FindById(DbConnection connection, App app, string messageId) =>
        (await connection.QuerySingleOrDefaultAsync<MessageRow>(
            $"SELECT {Columns} {From} WHERE m.app_no = @No AND m.id = @messageId", new { app.No, messageId }))?.ToMessage();

    /// <summary>The message that a caller's idempotency key stands for, while it is remembered.</summary>
    public static async Task<Message?> FindByKey(DbConnection connection, App app, string key, DateTimeOffset now) =>
        (await connection.QuerySingleOrDefaultAsync<MessageRow>(
            $"""
            SELECT {Columns} FROM idempotency_keys k JOIN messages m ON m.seq = k.message_seq JOIN recipients r ON r.no = m.recipient_no
            WHERE k.app_no = @No AND k.key = @key AND k.expires_at >= @now
            """, new { app.No, key, now = now.ToUnixTimeMilliseconds() }))?.ToMessage();

    /// <summary>The message with its data.</summary>
    public Task<Message?> FindWithData(App app, string messageId) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<MessageRow>(
            $"SELECT {Columns}, m.data {From} WHERE m.app_no = @No AND m.id = @messageId", new { app.No, messageId }))?.ToMessage());

    /// <summary>What is to be sent of a message; null when it is gone or its data has been erased.</summary>
    public Task<MessageContent?> Content(long seq) => database.Read(async connection =>
        await connection.QuerySingleOrDefaultAsync<ContentRow>("SELECT id, event_type, created_at, data FROM messages WHERE seq = @seq", new { seq })
            is { Data: not null } row
            ? MessageContent.Of(row.Id, row.EventType, Stored.Time(row.CreatedAt), row.Data)
            : null);

    /// <summary>The last sequence given.</summary>
    public static Task<long> LastSeq(DbConnection connection) => connection.ExecuteScalarAsync<long>("SELECT coalesce(max(seq), 0) FROM messages");

    /// <summary>Messages newest first, without their data.</summary>
    public static async Task<List<Message>> List(DbConnection connection, App app, MessageFilter filter, long before, int limit)
    {
        var where = new StringBuilder("WHERE m.app_no = @No AND m.seq < @before");
        if (filter.Recipient is not null)
        {
            where.Append(" AND m.recipient_no = (SELECT no FROM recipients WHERE app_no = @No AND recipient = @Recipient)");
        }
        if (filter.Type is not null)
        {
            where.Append(" AND m.event_type = @Type");
        }
        if (filter.Since is not null)
        {
            where.Append(" AND m.created_at >= @Since");
        }
        if (filter.Until is not null)
        {
            where.Append(" AND m.created_at < @Until");
        }
        if (filter.Status is not null)
        {
            where.Append(MessageFilter.Statuses[filter.Status]);
        }
        return (await connection.QueryAsync<MessageRow>(
            $"SELECT {Columns} {From} {where} ORDER BY m.seq DESC LIMIT @limit",
            new { app.No, before, limit, filter.Recipient, filter.Type, filter.Since, filter.Until })).Select(row => row.ToMessage()).ToList();
    }

    /// <summary>Erases up to <paramref name="most"/> messages of a recipient with all that belongs to them; answers how many.</summary>
    public Task<int> EraseSome(Recipient recipient, int most) => database.Write(async session =>
    {
        var seqs = (await session.Connection.QueryAsync<long>(
            "SELECT seq FROM messages WHERE recipient_no = @No LIMIT @most", new { recipient.No, most })).AsList();
        await session.Connection.ExecuteAsync("DELETE FROM attempts WHERE message_seq IN @seqs", new { seqs });
        await session.Connection.ExecuteAsync("DELETE FROM deliveries WHERE message_seq IN @seqs", new { seqs });
        await session.Connection.ExecuteAsync(
            "DELETE FROM idempotency_keys WHERE app_no = @AppNo AND message_seq IN @seqs", new { recipient.AppNo, seqs });
        return await session.Connection.ExecuteAsync("DELETE FROM messages WHERE seq IN @seqs", new { seqs });
    });

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

        public Message ToMessage() => new(
            Seq, AppNo, MessageId, RecipientNo, Recipient, EventType, Stored.Time(CreatedAt), Stored.Time(DeliverAt), ContentHash, Data);
    }
}

/// <summary>Which messages a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
public sealed record MessageFilter(string? Recipient, string? Type, string? Status, long? Since, long? Until)
{
    private const string Any = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq)";
    private const string Pending = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 0)";
    private const string Succeeded = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 1)";
    private const string Failed = "EXISTS (SELECT 1 FROM deliveries d WHERE d.message_seq = m.seq AND d.status = 2)";

    /// <summary>The statuses of a message (<see cref="Message.StatusOf"/>), each as a condition.</summary>
    public static IReadOnlyDictionary<string, string> Statuses { get; } = new Dictionary<string, string>
    {
        ["pending"] = $" AND {Pending}",
        ["failed"] = $" AND {Failed} AND NOT {Pending}",
        ["succeeded"] = $" AND {Succeeded} AND NOT {Pending} AND NOT {Failed}",
        ["canceled"] = $" AND {Any} AND NOT {Pending} AND NOT {Failed} AND NOT {Succeeded}",
        ["skipped"] = $" AND NOT {Any}",
    };
}
