using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>The last number of what a source numbers.</summary>
/// <param name="Scope">What is numbered; empty for the whole source.</param>
public sealed record SequenceMark(long SourceNo, string Rule, string Scope, long Last, DateTimeOffset SeenAt);

/// <summary>Every SQL statement about the numbers of events.</summary>
public static class SequenceStore
{
    private static readonly RowStatement<SequenceMark> SaveStatement = new RowStatement<SequenceMark>(
        """
        INSERT INTO sequence_marks (source_no, rule, scope, last, seen_at) SELECT v.source, v.rule, v.scope, v.last, v.seen FROM {rows} WHERE true
        ON CONFLICT (source_no, rule, scope) DO UPDATE SET last = excluded.last, seen_at = excluded.seen_at
        """)
        .Number("source", row => row.SourceNo).Text("rule", row => row.Rule).Text("scope", row => row.Scope).Number("last", row => row.Last)
        .Number("seen", row => row.SeenAt.ToUnixTimeMilliseconds());

    /// <summary>The last number; null for the first.</summary>
    public static Task<long?> Find(DbConnection connection, long sourceNo, string rule, string scope) => connection.ExecuteScalarAsync<long?>(
        "SELECT last FROM sequence_marks WHERE source_no = @sourceNo AND rule = @rule AND scope = @scope", new { sourceNo, rule, scope });

    /// <summary>When it was seen last; null when never.</summary>
    public static async Task<DateTimeOffset?> SeenAt(DbConnection connection, long sourceNo, string rule, string scope) => Stored.Time(await connection.ExecuteScalarAsync<long?>(
        "SELECT seen_at FROM sequence_marks WHERE source_no = @sourceNo AND rule = @rule AND scope = @scope", new { sourceNo, rule, scope }));

    public static Task Save(WriteSession session, IReadOnlyList<SequenceMark> marks) => session.ForEach(SaveStatement, marks);

    /// <summary>Forgets some of what has not been seen since a time; answers how many.</summary>
    public static Task<int> RemoveOld(WriteSession session, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        """
        DELETE FROM sequence_marks WHERE (source_no, rule, scope) IN (SELECT source_no, rule, scope FROM sequence_marks WHERE seen_at < @before ORDER BY seen_at LIMIT @most)
        """, new { before = before.ToUnixTimeMilliseconds(), most });
}
