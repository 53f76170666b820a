using System.Data.Common;
using Dapper;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Refusals;

/// <summary>Every SQL statement about refused sends.</summary>
public sealed class RefusedSendStore(Database database)
{
    /// <summary>How many of an app are kept.</summary>
    public const int Kept = 1_000;

    private static readonly RowStatement InsertStatement = new(
        """
        INSERT INTO refused_messages (app_no, at, recipient, event_type, message_id, status, code, detail, request_id)
        SELECT v.app, v.at, v.recipient, v.type, v.message, v.status, v.code, v.detail, v.request FROM {rows}
        """,
        RowStatement.Number("app"), RowStatement.Number("at"), RowStatement.Text("recipient"), RowStatement.Text("type"), RowStatement.Text("message"),
        RowStatement.Number("status"), RowStatement.Text("code"), RowStatement.Text("detail"), RowStatement.Text("request"));

    private static readonly RowStatement CountStatement = new(
        """
        INSERT INTO refused_counts (app_no, code, total) SELECT v.app, v.code, v.more FROM {rows} WHERE true
        ON CONFLICT (app_no, code) DO UPDATE SET total = refused_counts.total + excluded.total
        """, RowStatement.Number("app"), RowStatement.Text("code"), RowStatement.Number("more"));

    /// <summary>Adds some of the sends that were refused, and counts all of them.</summary>
    /// <param name="trimmed">The apps of which what is beyond <see cref="Kept"/> is to go.</param>
    public Task Add(IReadOnlyList<(long AppNo, RefusedSend Send)> sends, IReadOnlyDictionary<(long AppNo, string Code), long> counts, IReadOnlyCollection<long> trimmed) =>
        database.Write(async session =>
        {
            await session.ForEach(InsertStatement, [.. sends.Select(item => new object?[]
            {
                item.AppNo, item.Send.At.ToUnixTimeMilliseconds(), item.Send.Recipient, item.Send.Type, item.Send.MessageId, (long)item.Send.Status, item.Send.Code,
                item.Send.Detail, item.Send.RequestId,
            })]);
            await session.ForEach(CountStatement, [.. counts.OrderBy(item => item.Key.AppNo).ThenBy(item => item.Key.Code, StringComparer.Ordinal).Select(item => new object?[] { item.Key.AppNo, item.Key.Code, item.Value })]);
            foreach (var appNo in trimmed)
            {
                await session.Connection.ExecuteAsync(
                    $"DELETE FROM refused_messages WHERE app_no = @appNo AND no <= ({FirstBeyond})", new { appNo, Kept });
            }
            return true;
        });

    /// <summary>The last that an app refused, newest first.</summary>
    /// <param name="since">Unix milliseconds, inclusive.</param>
    public Task<List<RefusedSend>> List(App app, string? recipient, string? type, long? since, long before, int limit) =>
        database.Read(connection => List(connection, app, recipient, type, null, since, before, limit));

    /// <summary>The same, also by the id that a caller gave.</summary>
    public static async Task<List<RefusedSend>> List(
        DbConnection connection, App app, string? recipient, string? type, string? messageId, long? since, long before, int limit) =>
        (await connection.QueryAsync<RefusedRow>(
            $"""
            SELECT no, at, recipient, event_type, message_id, status, code, detail, request_id FROM refused_messages
            WHERE app_no = @appNo AND no < @before AND no > coalesce(({FirstBeyond}), 0){(recipient is null ? "" : " AND recipient = @recipient")}
                {(type is null ? "" : " AND event_type = @type")}{(messageId is null ? "" : " AND message_id = @messageId")}{(since is null ? "" : " AND at >= @since")}{app.And("recipient")}
            ORDER BY no DESC LIMIT @limit
            """, new { appNo = app.No, Kept, recipient, type, messageId, since, before, limit, app.OnlyRecipient })).Select(row => row.ToRefusedSend()).ToList();

    /// <summary>The workspace of each app that refused sends, and when the oldest that is kept was refused.</summary>
    public Task<List<(long AppNo, long WorkspaceNo, DateTimeOffset At)>> Oldest() => database.Read(async connection => (await connection.QueryAsync<(long No, long WorkspaceNo, long At)>(
        """
        SELECT no, workspace_no, at FROM (SELECT a.no, a.workspace_no, (SELECT r.at FROM refused_messages r WHERE r.app_no = a.no ORDER BY r.no LIMIT 1) AS at FROM apps a) AS oldest
        WHERE at IS NOT NULL
        """)).Select(row => (row.No, row.WorkspaceNo, Stored.Time(row.At))).ToList());

    /// <summary>Removes an app's oldest sends from before a time; answers how many.</summary>
    public static Task<int> RemoveSome(WriteSession session, long appNo, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        "DELETE FROM refused_messages WHERE no IN (SELECT no FROM refused_messages WHERE app_no = @appNo ORDER BY no LIMIT @most) AND at < @before",
        new { appNo, before = before.ToUnixTimeMilliseconds(), most });

    /// <summary>How many sends an app has refused in all, by code.</summary>
    public Task<Dictionary<string, long>> Counts(App app) => database.Read(async connection =>
        (await connection.QueryAsync<(string Code, long Total)>("SELECT code, total FROM refused_counts WHERE app_no = @No ORDER BY code", new { app.No }))
            .ToDictionary(row => row.Code, row => row.Total));

    /// <summary>Erases what is kept of sends to a recipient.</summary>
    public Task EraseOf(Recipient recipient) => database.Write(session =>
        session.Connection.ExecuteAsync("DELETE FROM refused_messages WHERE app_no = @AppNo AND recipient = @Id", new { recipient.AppNo, recipient.Id }));

    private const string FirstBeyond = "SELECT no FROM refused_messages WHERE app_no = @appNo ORDER BY no DESC LIMIT 1 OFFSET @Kept";

    private sealed record RefusedRow
    {
        public long No { get; init; }
        public long At { get; init; }
        public string? Recipient { get; init; }
        public string? EventType { get; init; }
        public string? MessageId { get; init; }
        public int Status { get; init; }
        public string Code { get; init; } = "";
        public string Detail { get; init; } = "";
        public string RequestId { get; init; } = "";

        public RefusedSend ToRefusedSend() => new(No, Stored.Time(At), Recipient, EventType, MessageId, Status, Code, Detail, RequestId);
    }
}
