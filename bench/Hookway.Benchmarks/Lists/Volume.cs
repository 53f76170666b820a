using System.Data.Common;
using System.Text;
using Hookway.Deliveries.Stats;

namespace Hookway.Benchmarks.Lists;

/// <summary>
/// Fills a store with history, straight into its tables: what months of traffic leave. Messages of thirty days up to now, three in ten to one recipient, one in ten
/// of another workspace; nearly all succeeded, a few in a thousand failed or were canceled, one in ten thousand is pending; one in fifty was tried twice.
/// </summary>
/// <param name="connection">To a store that no one else writes to meanwhile.</param>
/// <param name="isPostgres">Which of the two it is.</param>
public sealed class Volume(DbConnection connection, bool isPostgres)
{
    public const string CommonType = "invoice.paid";
    public const string OtherType = "order.made";
    public const string RareType = "account.closed";

    /// <summary>How many messages there are of the rare type.</summary>
    public const int RareMessages = 5;

    private const string Numbers = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < @count)";

    /// <summary>The id of the i-th message, from 1.</summary>
    public static string MessageId(int i) => $"msg_01jd3q5x7v00000{10_000_000_000 + i}";

    /// <summary>The id of the i-th event, from 1.</summary>
    public static string EventId(int i) => $"evt_01jd3q5x7v00000{10_000_000_000 + i}";

    /// <summary>Adds messages with their deliveries and attempts to an app, and some of them to another's.</summary>
    /// <param name="appId">Its recipients were made one after another, each with one endpoint, and nothing else since.</param>
    /// <param name="otherAppId">The same, with one recipient.</param>
    /// <param name="dataBytes">The size of each message's data.</param>
    public async Task AddMessages(string appId, string otherAppId, int count, int dataBytes, DateTimeOffset now)
    {
        var app = await Number("SELECT no FROM apps WHERE id = @id", ("id", appId));
        var other = await Number("SELECT no FROM apps WHERE id = @id", ("id", otherAppId));
        var first = await Number("SELECT min(no) FROM recipients WHERE app_no = @app", ("app", app));
        var recipients = await Number("SELECT count(*) FROM recipients WHERE app_no = @app", ("app", app));
        var otherRecipient = await Number("SELECT min(no) FROM recipients WHERE app_no = @other", ("other", other));
        var already = await Number("SELECT coalesce(max(seq), 0) FROM messages");
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO messages (seq, app_no, id, recipient_no, event_type, created_at, data)
            SELECT @already + i, CASE WHEN i % 10 = 3 THEN @other ELSE @app END, 'msg_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT),
                CASE WHEN i % 10 = 3 THEN @otherRecipient WHEN i % 10 < 3 THEN @first ELSE @first + (i * 7919) % @recipients END,
                CASE WHEN i % @rarely = 5 THEN '{{RareType}}' WHEN i % 3 = 0 THEN '{{OtherType}}' ELSE '{{CommonType}}' END,
                @from + (i * @span) / @count, @data
            FROM n
            """,
            ("count", count), ("already", already), ("app", app), ("other", other), ("first", first), ("recipients", recipients), ("otherRecipient", otherRecipient),
            ("rarely", count / RareMessages), ("from", now.AddDays(-30).ToUnixTimeMilliseconds()), ("span", (long)TimeSpan.FromDays(30).TotalMilliseconds - 60_000),
            ("data", Encoding.ASCII.GetBytes($"{{\"invoiceId\":\"inv_1\",\"amount\":4200,\"note\":\"{new string('x', dataBytes)}\"}}")));
        await Run(
            """
            INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at, last_response_status, last_error, reason)
            SELECT m.seq, e.no,
                CASE WHEN m.seq % 1000 = 1 THEN 2 WHEN m.seq % 2000 = 11 THEN 3 WHEN m.seq % 10000 = 21 THEN 0 ELSE 1 END, m.seq, 0, 0, 1, 1,
                CASE WHEN m.seq % 10000 = 21 THEN @later END, CASE WHEN m.seq % 1000 = 1 THEN 500 ELSE 200 END, CASE WHEN m.seq % 1000 = 1 THEN 'http_status' END,
                CASE WHEN m.seq % 1000 = 1 THEN 'attempts_exhausted' WHEN m.seq % 2000 = 11 THEN 'canceled' END
            FROM messages m JOIN endpoints e ON e.recipient_no = m.recipient_no WHERE m.seq > @already AND m.seq % 100 <> 7
            """, ("already", already), ("later", now.AddDays(20).ToUnixTimeMilliseconds()));
        await Run(
            """
            INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers, response_body, started_at, duration_ms)
            SELECT 'att_01jd3q5x7v0000' || CAST(k.second AS TEXT) || CAST(10000000000 + d.message_seq AS TEXT), d.message_seq, d.target_no, 1 + k.second, 0,
                CASE WHEN d.status = 2 OR (d.message_seq % 50 = 9 AND k.second = 0) THEN 'http_status' END, 'https://example.com/webhooks',
                '["content-type","application/json","user-agent","Hookway/0.1","webhook-id","msg_01jd3q5x7v0000000000000000","webhook-timestamp","1769860800","webhook-signature","v1,w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0="]',
                CASE WHEN d.status = 2 OR (d.message_seq % 50 = 9 AND k.second = 0) THEN 500 ELSE 200 END, '["content-type","text/plain"]', @body,
                m.created_at + 4 + 5000 * k.second, 20
            FROM deliveries d JOIN messages m ON m.seq = d.message_seq JOIN (SELECT 0 AS second UNION ALL SELECT 1) k ON k.second = 0 OR d.message_seq % 50 = 9
            WHERE d.message_seq > @already AND d.status IN (1, 2) ORDER BY d.message_seq, k.second
            """, ("already", already), ("body", "ok"u8.ToArray()));
        await NumberOn(already + count);
    }

    /// <summary>
    /// Adds events of thirty days to a source, and some of them to another's: nearly all genuine and delivered nowhere, a few in a thousand refused or repeated, three in ten
    /// to one thing.
    /// </summary>
    public async Task AddEvents(string sourceId, string otherSourceId, int count, int bodyBytes, DateTimeOffset now)
    {
        var source = await Number("SELECT no FROM sources WHERE id = @id", ("id", sourceId));
        var other = await Number("SELECT no FROM sources WHERE id = @id", ("id", otherSourceId));
        var workspace = await Number("SELECT workspace_no FROM sources WHERE no = @source", ("source", source));
        var otherWorkspace = await Number("SELECT workspace_no FROM sources WHERE no = @other", ("other", other));
        var already = await Number(
            "SELECT CASE WHEN e.last > m.last THEN e.last ELSE m.last END FROM (SELECT coalesce(max(seq), 0) AS last FROM events) e, (SELECT coalesce(max(seq), 0) AS last FROM messages) m");
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO events (seq, workspace_no, source_no, id, vendor_event_id, event_type, entity_key, signature_status, signature_coverage, signature_error, duplicate_key, duplicate_of,
                method, query, headers, content_type, source_ip, occurred_at, received_at, body_size, body)
            SELECT @already + i, CASE WHEN i % 10 = 3 THEN @otherWorkspace ELSE @workspace END, CASE WHEN i % 10 = 3 THEN @other ELSE @source END,
                'evt_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT), 'vendor-' || CAST(10000000000 + i AS TEXT),
                CASE WHEN i % @rarely = 5 THEN '{{RareType}}' WHEN i % 3 = 0 THEN '{{OtherType}}' ELSE '{{CommonType}}' END,
                CASE WHEN i % 10 < 3 THEN 'in_popular' ELSE 'in_' || CAST(10000000 + i / 4 AS TEXT) END,
                CASE WHEN i % 500 = 1 THEN 2 ELSE 1 END, CASE WHEN i % 500 = 1 THEN 0 ELSE 2 END, CASE WHEN i % 500 = 1 THEN 'signature_mismatch' END, @key,
                CASE WHEN i % 300 = 2 THEN @already + i - 1 END, 'POST', '', '["Content-Type","application/json"]', 'application/json', '192.0.2.1',
                @from + (i * @span) / @count, @from + (i * @span) / @count, @size, @body
            FROM n
            """,
            ("count", count), ("already", already), ("workspace", workspace), ("otherWorkspace", otherWorkspace), ("source", source), ("other", other), ("rarely", count / RareMessages),
            ("from", now.AddDays(-30).ToUnixTimeMilliseconds()), ("span", (long)TimeSpan.FromDays(30).TotalMilliseconds - 60_000), ("key", new byte[16]), ("size", bodyBytes),
            ("body", Encoding.ASCII.GetBytes(new string('x', bodyBytes))));
        await Run(
            $"INSERT INTO source_types (workspace_no, type, source_no) VALUES (@workspace, '{CommonType}', @source), (@workspace, '{OtherType}', @source), (@workspace, '{RareType}', @source)",
            ("workspace", workspace), ("source", source));
        await NumberOn(already + count);
    }

    /// <summary>Adds deliveries and attempts of one in five of a source's events to a destination; a few in a thousand failed.</summary>
    public async Task AddForwards(string sourceId, string destinationId)
    {
        var source = await Number("SELECT no FROM sources WHERE id = @id", ("id", sourceId));
        var destination = await Number("SELECT no FROM destinations WHERE id = @id", ("id", destinationId));
        await Run(
            """
            INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, last_response_status, last_error, reason)
            SELECT e.seq, @destination, CASE WHEN e.seq % 1000 = 5 THEN 2 ELSE 1 END, e.seq, 0, 0, 1, 1, CASE WHEN e.seq % 1000 = 5 THEN 500 ELSE 200 END,
                CASE WHEN e.seq % 1000 = 5 THEN 'http_status' END, CASE WHEN e.seq % 1000 = 5 THEN 'attempts_exhausted' END
            FROM events e WHERE e.source_no = @source AND e.seq % 5 = 0 AND e.signature_status = 1
            """, ("destination", destination), ("source", source));
        await Run(
            """
            INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers, response_body, started_at, duration_ms)
            SELECT 'att_01jd3q5x7v0001' || CAST(20000000000 + d.message_seq AS TEXT), d.message_seq, d.target_no, 1, 0, d.last_error, 'http://127.0.0.1:9/hook',
                '["content-type","application/json","hookway-attempt","1"]', d.last_response_status, '["content-type","text/plain"]', @body, e.received_at + 4, 20
            FROM deliveries d JOIN events e ON e.seq = d.message_seq WHERE d.target_no = @destination ORDER BY d.message_seq
            """, ("destination", destination), ("body", "ok"u8.ToArray()));
    }

    /// <summary>Adds recipients that have neither endpoints nor messages; the last one's name is unlike all others.</summary>
    public async Task AddRecipients(string appId, int count, DateTimeOffset now) => await Run(
        $$"""
        {{Numbers}}
        INSERT INTO recipients (app_no, recipient, name, folded_name, created_at, updated_at)
        SELECT (SELECT no FROM apps WHERE id = @id), 'tenant-' || CAST(10000000 + i AS TEXT),
            CASE WHEN i = @count THEN 'Zebra' ELSE 'Company ' END || CAST(i AS TEXT), CASE WHEN i = @count THEN 'ZEBRA' ELSE 'COMPANY ' END || CAST(i AS TEXT), @now, @now FROM n
        """, ("count", count), ("id", appId), ("now", now.ToUnixTimeMilliseconds()));

    /// <summary>Adds archived apps to two workspaces, and to an app archived event types and endpoints that are deleted, of the recipients that were made last.</summary>
    public async Task AddConfiguration(string appId, int count, DateTimeOffset now)
    {
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO apps (id, workspace_no, name, created_at, updated_at, archived_at)
            SELECT 'app_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT), 1 + i % 2, 'Over', @now, @now, @now FROM n
            """, ("count", count), ("now", now.ToUnixTimeMilliseconds()));
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO event_types (app_no, name, archived_at, created_at, updated_at)
            SELECT (SELECT no FROM apps WHERE id = @id), 'over.' || CAST(i AS TEXT), @now, @now, @now FROM n
            """, ("count", count), ("id", appId), ("now", now.ToUnixTimeMilliseconds()));
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO endpoints (id, app_no, recipient_no, url, enabled, paused, retry_max_attempts, retry_backoff_seconds, ordered, secret, created_at, updated_at, deleted_at)
            SELECT 'ep_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT), (SELECT no FROM apps WHERE id = @id), (SELECT max(no) FROM recipients) - i % 1000,
                'https://example.com/webhooks', 1, 0, 8, 5, 0, @secret, @now, @now, @now FROM n
            """, ("count", count), ("id", appId), ("secret", new byte[64]), ("now", now.ToUnixTimeMilliseconds()));
    }

    /// <summary>Adds issues of two workspaces about a source's events, one in ten of them open; each was seen at some events.</summary>
    public async Task AddIssues(string sourceId, int count, DateTimeOffset now)
    {
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO issues (id, workspace_no, kind, status, severity, cause, title, detail, source_id, entity_key, is_down, times, first_seen_at, last_seen_at, resolved_at, resolved_by)
            SELECT 'anom_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT), 1 + i % 2, i % 7, CASE WHEN i % 10 < 2 THEN 0 ELSE 2 END, 1, 'cause-' || CAST(i AS TEXT), 'Something is missing',
                'It has not come.', @source, 'in_popular', 0, 3, @now, @now, CASE WHEN i % 10 < 2 THEN NULL ELSE @now END, CASE WHEN i % 10 < 2 THEN NULL ELSE 'system' END FROM n
            """, ("count", count), ("source", sourceId), ("now", now.ToUnixTimeMilliseconds()));
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO issue_items (issue_no, item_seq, item_id)
            SELECT s.no, e.seq, e.id FROM (SELECT no FROM issues WHERE id = @issue) s, (SELECT seq, id FROM events WHERE workspace_no = 1 ORDER BY seq LIMIT 20) e, n
            """, ("count", 1), ("issue", IssueId));
    }

    /// <summary>An open issue of the first workspace that was seen at twenty events.</summary>
    public static string IssueId => $"anom_01jd3q5x7v00000{10_000_000_000 + 10}";

    /// <summary>Adds replays that are over.</summary>
    public async Task AddReplays(int count, DateTimeOffset now) => await Run(
        $$"""
        {{Numbers}}
        INSERT INTO replays (id, workspace_no, kind, filter, state, matched, queued, succeeded, created_at, finished_at)
        SELECT 'rpl_01jd3q5x7v00000' || CAST(10000000000 + i AS TEXT), 1 + i % 2, 'message', '{"appId":"","messageId":"","endpointId":null}', 2, 1, 1, 1, @now, @now FROM n
        """, ("count", count), ("now", now.ToUnixTimeMilliseconds()));

    /// <summary>Adds stats of an app's endpoints: of thirty days, of all of its time for the first of them, and of every tenth slot for the others.</summary>
    public async Task AddStats(string appId, DateTimeOffset now)
    {
        const int Attempts = 35;
        var latencies = new LatencyHistogram();
        for (var i = 0; i < Attempts; i++)
        {
            latencies.Add(TimeSpan.FromMilliseconds(20 + i));
        }
        var app = await Number("SELECT no FROM apps WHERE id = @id", ("id", appId));
        var count = (int)(TimeSpan.FromDays(30) / TargetStatStore.Slot);
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO target_stats (target_no, slot, part, attempts_succeeded, attempts_failed, succeeded, failed, canceled, latencies)
            SELECT e.no, @last - @count + n.i, 1, @attempts - 1, 1, @attempts - 1, 0, 0, @latencies
            FROM n JOIN endpoints e ON e.no = @first OR (n.i + e.no) % 10 = 0 WHERE e.app_no = @app ORDER BY n.i, e.no
            """,
            ("count", count), ("last", TargetStatStore.SlotOf(now)), ("attempts", Attempts), ("latencies", latencies.Encode()), ("app", app),
            ("first", await Number("SELECT min(no) FROM endpoints WHERE app_no = @app", ("app", app))));
    }

    /// <summary>Gives the planner what a store of this size has: PostgreSQL gathers statistics by itself, a little later.</summary>
    public async Task Analyze()
    {
        if (isPostgres)
        {
            await Run("VACUUM ANALYZE");
        }
    }

    private Task NumberOn(long last) => Run(
        isPostgres
            ? "SELECT setval('messages_numbers', @last)"
            : "INSERT INTO counters (name, value) VALUES ('messages', @last) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        ("last", last));

    private async Task<long> Number(string sql, params (string Name, object Value)[] values)
    {
        await using var command = Command(sql, values);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private async Task Run(string sql, params (string Name, object Value)[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync();
    }

    private DbCommand Command(string sql, (string Name, object Value)[] values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value is int number ? (long)number : value);
            command.Parameters.Add(parameter);
        }
        return command;
    }
}
