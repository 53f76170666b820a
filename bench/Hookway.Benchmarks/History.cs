using System.Data.Common;
using System.Globalization;
using System.Text;
using Npgsql;

namespace Hookway.Benchmarks;

/// <summary>Puts messages with their deliveries straight into the tables of a store that no server uses meanwhile, in a moment instead of hours.</summary>
public sealed class History(DbConnection connection)
{
    private const int DataBytes = 950;
    private const string Numbers = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < @count)";

    private bool IsPostgres => connection is NpgsqlConnection;

    public Task<long> Deliveries() => Number("SELECT count(*) FROM deliveries");

    /// <summary>Adds messages to recipients that were made one after another, each with one endpoint, in turn.</summary>
    /// <param name="firstTarget">The first of those endpoints.</param>
    /// <param name="targets">How many they are.</param>
    /// <param name="isPending">Whether the deliveries are due, or succeeded at the first attempt.</param>
    /// <param name="age">How long ago all that was; now, when absent.</param>
    /// <param name="withData">Whether the messages still have their data.</param>
    public async Task Add(long count, int firstTarget, int targets, bool isPending, TimeSpan age = default, bool withData = true)
    {
        var already = await Number("SELECT coalesce(max(seq), 0) FROM messages");
        var now = (DateTimeOffset.UtcNow - age).ToUnixTimeMilliseconds();
        await Run(
            $$"""
            {{Numbers}}
            INSERT INTO messages (seq, app_no, id, recipient_no, event_type, created_at, data)
            SELECT @already + i, (SELECT min(no) FROM apps), 'msg_01jd3q5x7v' || CAST(1000000000000000 + @already + i AS TEXT), @first + i % @targets, '{{MessageTemplate.EventType}}', @now, {{(withData ? "@data" : "NULL")}} FROM n
            """,
            [
                ("count", count), ("already", already), ("first", firstTarget), ("targets", targets), ("now", now),
                .. withData ? [("data", (object)Encoding.ASCII.GetBytes($"{{\"text\":\"{new string('x', DataBytes)}\"}}"))] : Array.Empty<(string, object)>(),
            ]);
        await Run(
            """
            INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at, last_response_status)
            SELECT seq, recipient_no, @status, 0, 0, 0, @attempts, @attempts, CASE WHEN @status = 0 THEN @now END, CASE WHEN @status = 1 THEN 200 END FROM messages WHERE seq > @already
            """, ("already", already), ("status", isPending ? 0 : 1), ("attempts", isPending ? 0 : 1), ("now", now));
        if (!isPending)
        {
            await Run(
                """
                INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, url, request_headers, response_status, response_headers, response_body, started_at, duration_ms)
                SELECT 'att_01jd3q5x7v' || CAST(1000000000000000 + seq AS TEXT), seq, recipient_no, 1, 0, 'http://127.0.0.1:12345/hook',
                    '["content-type","application/json","user-agent","Hookway/0.1","webhook-id","msg_01jd3q5x7v0000000000000000","webhook-timestamp","1769860800","webhook-signature","v1,w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0="]',
                    200, '["content-length","0"]', @body, created_at, 1 FROM messages WHERE seq > @already ORDER BY seq
                """, ("already", already), ("body", Array.Empty<byte>()));
        }
        await Run(
            IsPostgres
                ? "SELECT setval('messages_numbers', @last)"
                : "INSERT INTO counters (name, value) VALUES ('messages', @last) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            ("last", already + count));
        await Run(IsPostgres ? "VACUUM ANALYZE" : "PRAGMA wal_checkpoint(TRUNCATE)");
        await Run(IsPostgres ? "CHECKPOINT" : "PRAGMA optimize");
    }

    private async Task<long> Number(string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    private async Task Run(string sql, params (string Name, object Value)[] values)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value is int number ? (long)number : value);
            command.Parameters.Add(parameter);
        }
        await command.ExecuteNonQueryAsync();
    }
}
