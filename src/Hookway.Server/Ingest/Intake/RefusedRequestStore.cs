using Dapper;
using Hookway.Ingest.Sources;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>Every SQL statement about refused requests.</summary>
public sealed class RefusedRequestStore(Database database)
{
    /// <summary>How many of a source are kept.</summary>
    public const int Kept = 1_000;

    private const string FirstBeyond = "SELECT no FROM refused_requests WHERE source_no = @sourceNo ORDER BY no DESC LIMIT 1 OFFSET @Kept";

    private static readonly RowStatement InsertStatement = new(
        """
        INSERT INTO refused_requests (source_no, at, method, source_ip, status, code, detail, request_id)
        SELECT v.source, v.at, v.method, v.ip, v.status, v.code, v.detail, v.request FROM {rows}
        """,
        RowStatement.Number("source"), RowStatement.Number("at"), RowStatement.Text("method"), RowStatement.Text("ip"), RowStatement.Number("status"), RowStatement.Text("code"),
        RowStatement.Text("detail"), RowStatement.Text("request"));

    private static readonly RowStatement CountStatement = new(
        """
        INSERT INTO refused_request_counts (source_no, code, total) SELECT v.source, v.code, v.more FROM {rows} WHERE true
        ON CONFLICT (source_no, code) DO UPDATE SET total = refused_request_counts.total + excluded.total
        """, RowStatement.Number("source"), RowStatement.Text("code"), RowStatement.Number("more"));

    /// <summary>Adds some of the requests that were refused, and counts all of them.</summary>
    /// <param name="trimmed">The sources of which what is beyond <see cref="Kept"/> is to go.</param>
    public Task Add(IReadOnlyList<(long SourceNo, RefusedRequest Request)> requests, IReadOnlyDictionary<(long SourceNo, string Code), long> counts, IReadOnlyCollection<long> trimmed) =>
        database.Write(async session =>
        {
            await session.ForEach(InsertStatement, [.. requests.Select(item => new object?[]
            {
                item.SourceNo, item.Request.At.ToUnixTimeMilliseconds(), item.Request.Method, item.Request.SourceIp, (long)item.Request.Status, item.Request.Code,
                item.Request.Detail, item.Request.RequestId,
            })]);
            await session.ForEach(CountStatement, [.. counts.OrderBy(item => item.Key.SourceNo).ThenBy(item => item.Key.Code, StringComparer.Ordinal)
                .Select(item => new object?[] { item.Key.SourceNo, item.Key.Code, item.Value })]);
            foreach (var sourceNo in trimmed)
            {
                await session.Connection.ExecuteAsync($"DELETE FROM refused_requests WHERE source_no = @sourceNo AND no <= ({FirstBeyond})", new { sourceNo, Kept });
            }
            return true;
        });

    /// <summary>The last that a source refused, newest first.</summary>
    public Task<List<RefusedRequest>> List(Source source, long before, int limit) => database.Read(async connection => (await connection.QueryAsync<RefusedRow>(
        $"""
        SELECT no, at, method, source_ip, status, code, detail, request_id FROM refused_requests
        WHERE source_no = @sourceNo AND no < @before AND no > coalesce(({FirstBeyond}), 0) ORDER BY no DESC LIMIT @limit
        """, new { sourceNo = source.No, Kept, before, limit })).Select(row => row.ToRequest()).ToList());

    /// <summary>When the oldest request that is kept was refused, by source.</summary>
    public Task<Dictionary<long, DateTimeOffset>> Oldest() => database.Read(async connection => (await connection.QueryAsync<(long No, long At)>(
        """
        SELECT no, at FROM (SELECT s.no, (SELECT r.at FROM refused_requests r WHERE r.source_no = s.no ORDER BY r.no LIMIT 1) AS at FROM sources s) AS oldest WHERE at IS NOT NULL
        """)).ToDictionary(row => row.No, row => Stored.Time(row.At)));

    /// <summary>Removes a source's oldest requests from before a time; answers how many.</summary>
    public static Task<int> RemoveSome(WriteSession session, long sourceNo, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        "DELETE FROM refused_requests WHERE no IN (SELECT no FROM refused_requests WHERE source_no = @sourceNo ORDER BY no LIMIT @most) AND at < @before",
        new { sourceNo, before = before.ToUnixTimeMilliseconds(), most });

    /// <summary>How many requests a source has refused in all, by code.</summary>
    public Task<Dictionary<string, long>> Counts(Source source) => database.Read(async connection =>
        (await connection.QueryAsync<(string Code, long Total)>("SELECT code, total FROM refused_request_counts WHERE source_no = @No ORDER BY code", new { source.No }))
            .ToDictionary(row => row.Code, row => row.Total));

    private sealed record RefusedRow
    {
        public long No { get; init; }
        public long At { get; init; }
        public string Method { get; init; } = "";
        public string? SourceIp { get; init; }
        public int Status { get; init; }
        public string Code { get; init; } = "";
        public string Detail { get; init; } = "";
        public string RequestId { get; init; } = "";

        public RefusedRequest ToRequest() => new(No, Stored.Time(At), Method, SourceIp, Status, Code, Detail, RequestId);
    }
}
