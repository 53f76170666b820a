using System.Text.Json;
using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Every SQL statement about attempts.</summary>
public sealed class AttemptStore(Database database, ReadBounds bounds)
{
    private const string Columns =
        """
        seq, id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers, response_body, detail, started_at,
        duration_ms, next_attempt_at
        """;

    private static readonly RowStatement<Attempt> InsertStatement = new RowStatement<Attempt>(
        """
        INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers,
            response_body, detail, started_at, duration_ms, next_attempt_at)
        SELECT v.id, v.message, v.target, v.number, v.run_trigger, v.error, v.url, v.request_headers, v.response_status, v.response_headers,
            v.response_body, v.detail, v.started_at, v.duration, v.next FROM {rows}
        """)
        .Text("id", row => row.AttemptId).Number("message", row => row.MessageSeq).Number("target", row => row.TargetNo).Number("number", row => row.Number)
        .Number("run_trigger", row => (long)row.Trigger).Text("error", row => row.Outcome.Code()).Text("url", row => row.Url)
        .Text("request_headers", row => HeaderJson.Write(row.RequestHeaders)).Number("response_status", row => row.ResponseStatus)
        .Text("response_headers", row => HeaderJson.Write(row.ResponseHeaders)).Bytes("response_body", row => row.ResponseBody).Text("detail", row => row.Detail)
        .Number("started_at", row => row.StartedAt.ToUnixTimeMilliseconds()).Number("duration", row => (long)row.Duration.TotalMilliseconds)
        .Number("next", row => Stored.Time(row.NextAttemptAt));

    private static readonly RowStatement<long> EraseStatement = new RowStatement<long>("DELETE FROM attempts WHERE message_seq IN (SELECT v.message FROM {rows})").Number("message", seq => seq);

    /// <summary>When attempts began, by their sequences: they are numbered when they have ended, so those that take long are out of step.</summary>
    public TimeOrder Times { get; } = new("attempts", "started_at");

    /// <summary>Adds attempts in the transaction that records what they mean for their deliveries.</summary>
    public static Task Insert(WriteSession session, IReadOnlyList<Attempt> attempts) => session.ForEach(InsertStatement, attempts);

    /// <summary>Erases the attempts of messages that are erased.</summary>
    public static Task Erase(WriteSession session, IReadOnlyList<long> messageSeqs) => session.ForEach(EraseStatement, messageSeqs);

    /// <summary>The attempts of a message, oldest first.</summary>
    /// <param name="targetNo">Only those to this target.</param>
    /// <param name="succeeded">Only those that did, or did not.</param>
    /// <param name="after">Only those that were recorded after this one.</param>
    public Task<List<Attempt>> OfMessage(long messageSeq, long? targetNo, bool? succeeded, long after, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<AttemptRow>(
            $"""
            SELECT {Columns} FROM attempts WHERE message_seq = @messageSeq AND seq > @after
                {(targetNo is null ? "" : $"AND {Stored.Unindexed}target_no = @targetNo")} {(succeeded is { } only ? ErrorOf(only) : "")}
            ORDER BY seq LIMIT @limit
            """, new { messageSeq, targetNo, after, limit })).Select(row => row.ToAttempt()).ToList());

    /// <summary>The attempts of an item, to some targets, or of an item to some targets, newest first.</summary>
    /// <param name="messageSeq">Those of this item; null for those of all.</param>
    /// <param name="targets">Those to these targets; null for those to all.</param>
    public Task<Found<Attempt>> Of(long? messageSeq, IReadOnlyList<long>? targets, AttemptFilter filter, long before, int limit) => database.Read(async connection =>
    {
        const int WaysAtOnce = 50;
        var first = filter.Since is { } since ? await Times.FirstSince(connection, since) : 0;
        var last = filter.Until is { } until ? Math.Min(before, await Times.EndBefore(connection, until)) : before;
        var failed = filter.Succeeded is false ? " AND a.error IS NOT NULL" : "";
        var conditions = string.Concat(
            filter.Succeeded is true ? " AND a.error IS NULL" : "", filter.Since is null ? "" : " AND a.started_at >= @Since", filter.Until is null ? "" : " AND a.started_at < @Until");
        var (seqs, searchedTo) = (new List<long>(), (long?)null);
        List<string> ways = messageSeq is { } seq
            ? [string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a.message_seq = {seq}{(targets is null ? "" : $" AND {Stored.Unindexed}a.target_no IN {Stored.List(targets)}")}{failed}")]
            : [.. targets!.Select(no => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a.target_no = {no}{failed}"))];
        foreach (var some in ways.Chunk(WaysAtOnce))
        {
            var found = await new RowSearch(connection, "attempts a", "", conditions, new { filter.Since, filter.Until }, first, limit, bounds).FromRanges(some, last);
            seqs.AddRange(found.Rows);
            searchedTo = found.SearchedTo > searchedTo ? found.SearchedTo : searchedTo ?? found.SearchedTo;
        }
        // Beyond where the first of them stopped, the others' are for the next page.
        var page = seqs.Where(at => !(at < searchedTo)).OrderDescending().Take(limit).ToList();
        var rows = page.Count == 0 ? [] : (await connection.QueryAsync<AttemptRow>($"SELECT {Columns} FROM attempts WHERE seq IN {Stored.List(page)} ORDER BY seq DESC")).AsList();
        return new Found<Attempt>(rows.ConvertAll(row => row.ToAttempt()), page.Count < limit ? searchedTo : null);
    });

    /// <summary>How the last attempts of a message ended, newest first, without what was sent and what came back.</summary>
    public Task<List<AttemptEnd>> EndsOfMessage(long messageSeq, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<EndRow>(
            "SELECT id, target_no, number, error, response_status, started_at, duration_ms FROM attempts WHERE message_seq = @messageSeq ORDER BY seq DESC LIMIT @limit",
            new { messageSeq, limit })).Select(row => row.ToEnd()).ToList());

    /// <summary>The attempts to a target, newest first.</summary>
    public Task<Found<Attempt>> OfTarget(long targetNo, AttemptFilter filter, long before, int limit) => database.Read(async connection =>
    {
        var first = filter.Since is { } since ? await Times.FirstSince(connection, since) : 0;
        var last = filter.Until is { } until ? Math.Min(before, await Times.EndBefore(connection, until)) : before;
        // What failed has an index of its own; what the index does not tell is looked at attempt by attempt, and only so many of them.
        var way = "target_no = @targetNo" + (filter.Succeeded is false ? ErrorOf(false) : "");
        var conditions = string.Concat(
            filter.Succeeded is true ? ErrorOf(true) : "",
            filter.Since is null ? "" : " AND started_at >= @Since",
            filter.Until is null ? "" : " AND started_at < @Until");
        var stopAt = conditions.Length == 0 ? null : await connection.ExecuteScalarAsync<long?>(
            $"SELECT seq FROM attempts WHERE {way} AND seq >= @first AND seq < @last ORDER BY seq DESC LIMIT 1 OFFSET @most",
            new { targetNo, first, last, most = bounds.Rows - 1 });
        var rows = await connection.QueryAsync<AttemptRow>(
            $"SELECT {Columns} FROM attempts WHERE {way} AND seq >= @from AND seq < @last{conditions} ORDER BY seq DESC LIMIT @limit",
            new { targetNo, from = Math.Max(first, stopAt ?? 0), last, filter.Since, filter.Until, limit });
        var found = rows.Select(row => row.ToAttempt()).ToList();
        return new Found<Attempt>(found, found.Count < limit ? stopAt : null);
    });

    private static string ErrorOf(bool succeeded) => succeeded ? " AND error IS NULL" : " AND error IS NOT NULL";

    private sealed record EndRow(string Id, long TargetNo, long Number, string? Error, long? ResponseStatus, long StartedAt, long DurationMs)
    {
        public AttemptEnd ToEnd() => new(Id, TargetNo, (int)Number, AttemptOutcomes.FromCode(Error)!.Value, (int?)ResponseStatus, Stored.Time(StartedAt + DurationMs));
    }

    private sealed record AttemptRow
    {
        public long Seq { get; init; }
        public string Id { get; init; } = "";
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public int Number { get; init; }
        public int RunTrigger { get; init; }
        public string? Error { get; init; }
        public string Url { get; init; } = "";
        public string RequestHeaders { get; init; } = "";
        public int? ResponseStatus { get; init; }
        public string ResponseHeaders { get; init; } = "";
        public byte[]? ResponseBody { get; init; }
        public string? Detail { get; init; }
        public long StartedAt { get; init; }
        public long DurationMs { get; init; }
        public long? NextAttemptAt { get; init; }

        public Attempt ToAttempt() => new(
            Seq, Id, MessageSeq, TargetNo, Number, (DeliveryTrigger)RunTrigger, AttemptOutcomes.FromCode(Error)!.Value, Detail, Url,
            HeaderJson.Read(RequestHeaders), ResponseStatus, HeaderJson.Read(ResponseHeaders), ResponseBody ?? [],
            Stored.Time(StartedAt), TimeSpan.FromMilliseconds(DurationMs), Stored.Time(NextAttemptAt));
    }

    /// <summary>Headers as one JSON array of name and value in turn, which keeps their order and their doubles.</summary>
    private static class HeaderJson
    {
        public static string Write(IReadOnlyList<KeyValuePair<string, string>> headers) =>
            JsonSerializer.Serialize(headers.SelectMany(header => new[] { header.Key, header.Value }));

        public static List<KeyValuePair<string, string>> Read(string json) =>
            JsonSerializer.Deserialize<string[]>(json)!.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1])).ToList();
    }
}

/// <summary>Which attempts a list shows; what is null does not limit it.</summary>
/// <param name="Succeeded">Only those that did, or did not.</param>
/// <param name="Since">Only those that began then or later, in Unix milliseconds.</param>
/// <param name="Until">Only those that began before.</param>
public sealed record AttemptFilter(bool? Succeeded, long? Since, long? Until);

/// <summary>How an attempt ended.</summary>
public sealed record AttemptEnd(string AttemptId, long TargetNo, int Number, AttemptOutcome Outcome, int? ResponseStatus, DateTimeOffset At);
