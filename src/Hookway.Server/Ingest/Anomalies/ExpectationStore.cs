using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement about expectations.</summary>
public static class ExpectationStore
{
    private const string Columns = "source_no, rule, entity, event_seq, event_id, event_type, began_at, due_at, cause";

    /// <summary>One that waits already goes on waiting from where it began.</summary>
    private static readonly RowStatement<Expectation> InsertStatement = new RowStatement<Expectation>(
        $$"""
        INSERT INTO expectations ({{Columns}})
        SELECT v.source, v.rule, v.entity, v.seq, v.id, v.type, v.began, v.due, NULL FROM {rows} WHERE true ON CONFLICT (source_no, rule, entity) DO NOTHING
        """)
        .Number("source", row => row.SourceNo).Text("rule", row => row.Rule).Text("entity", row => row.Entity).Number("seq", row => row.EventSeq).Text("id", row => row.EventId)
        .Text("type", row => row.EventType).Number("began", row => row.BeganAt.ToUnixTimeMilliseconds()).Number("due", row => row.DueAt.ToUnixTimeMilliseconds());

    private static readonly RowStatement<ExpectationKey> RemoveStatement = new RowStatement<ExpectationKey>(
        "DELETE FROM expectations WHERE (source_no, rule, entity) IN (SELECT v.source, v.rule, v.entity FROM {rows}) RETURNING source_no, rule, entity, began_at, coalesce(cause, '')")
        .Number("source", key => key.SourceNo).Text("rule", key => key.Rule).Text("entity", key => key.Entity);

    private static readonly RowStatement<Expectation> MissStatement = new RowStatement<Expectation>(
        """
        UPDATE expectations SET cause = v.cause FROM {rows}
        WHERE expectations.source_no = v.source AND expectations.rule = v.rule AND expectations.entity = v.entity AND expectations.event_seq = v.seq AND expectations.cause IS NULL RETURNING expectations.event_seq
        """)
        .Number("source", row => row.SourceNo).Text("rule", row => row.Rule).Text("entity", row => row.Entity).Number("seq", row => row.EventSeq).Text("cause", row => row.Cause);

    /// <summary>Begins to wait.</summary>
    public static Task Add(WriteSession session, IReadOnlyList<Expectation> expectations) => session.ForEach(InsertStatement, expectations);

    /// <summary>Ends waits; answers those that there were.</summary>
    public static async Task<IReadOnlyList<EndedWait>> Remove(WriteSession session, IReadOnlyList<ExpectationKey> keys) => await session.Read(
        RemoveStatement, keys, row => new EndedWait(
            new ExpectationKey(row.GetInt64(0), row.GetString(1), row.GetString(2)), Stored.Time(row.GetInt64(3)), row.GetString(4) is { Length: > 0 } cause ? cause : null));

    /// <summary>Of these causes, those that nothing is missed for any more.</summary>
    public static async Task<IReadOnlyList<string>> Settled(WriteSession session, IReadOnlyList<string> causes)
    {
        var settled = new List<string>();
        foreach (var cause in causes)
        {
            if (await session.Connection.ExecuteScalarAsync<long?>("SELECT 1 FROM expectations WHERE cause = @cause LIMIT 1", new { cause }) is null)
            {
                settled.Add(cause);
            }
        }
        return settled;
    }

    /// <summary>What was due before a time and has not come: the first of it.</summary>
    public static async Task<List<Expectation>> Due(DbConnection connection, DateTimeOffset before, int most) => (await connection.QueryAsync<Row>(
        $"SELECT {Columns} FROM expectations WHERE cause IS NULL AND due_at < @before ORDER BY due_at LIMIT @most",
        new { before = before.ToUnixTimeMilliseconds(), most })).Select(row => row.ToExpectation()).ToList();

    /// <summary>Notes that these were missed; false when one of them has ended meanwhile.</summary>
    public static async Task<bool> Miss(WriteSession session, IReadOnlyList<Expectation> missed) => (await session.Read(MissStatement, missed, row => row.GetInt64(0))).Count == missed.Count;

    /// <summary>How many were missed whose causes begin so, counted up to a number.</summary>
    public static Task<int> CountMissed(DbConnection connection, string prefix, int most) => connection.ExecuteScalarAsync<int>(
        "SELECT count(*) FROM (SELECT DISTINCT cause FROM expectations WHERE cause >= @prefix AND cause < @end ORDER BY cause LIMIT @most) AS missed",
        new { prefix, end = Prefix.EndOf(prefix), most });

    /// <summary>Forgets some of what was missed and due before a time; answers how many.</summary>
    public static Task<int> RemoveMissed(WriteSession session, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        """
        DELETE FROM expectations WHERE (source_no, rule, entity) IN
            (SELECT source_no, rule, entity FROM expectations WHERE cause IS NOT NULL AND due_at < @before ORDER BY due_at LIMIT @most)
        """, new { before = before.ToUnixTimeMilliseconds(), most });

    private sealed record Row
    {
        public long SourceNo { get; init; }
        public string Rule { get; init; } = "";
        public string Entity { get; init; } = "";
        public long EventSeq { get; init; }
        public string EventId { get; init; } = "";
        public string? EventType { get; init; }
        public long BeganAt { get; init; }
        public long DueAt { get; init; }
        public string? Cause { get; init; }

        public Expectation ToExpectation() => new(SourceNo, Rule, Entity, EventSeq, EventId, EventType, Stored.Time(BeganAt), Stored.Time(DueAt), Cause);
    }
}
