using System.Data.Common;
using Dapper;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Finds the messages of a list, newest first. The way in is always an index: that of a recipient, of what failed, of the app. What it does not tell (a type, a
/// status) is asked of each message on the way, of no more than <see cref="ReadBounds"/> says; then the page ends where it is, and the next one goes on from there.
/// </summary>
public sealed class MessageSearch(Database database, MessageStore messages, ReadBounds bounds)
{
    private const int FewIds = 1_000;
    private const int FewRecipients = 50;
    private const int FirstCandidates = 500;

    /// <summary>What <c>q</c> means for a message that no narrower way in has found.</summary>
    private const string QMatches =
        """
         AND ((m.id >= @q AND m.id < @end) OR (m.event_type >= @q AND m.event_type < @end)
            OR (SELECT CASE WHEN r.recipient >= @q AND r.recipient < @end THEN 1 ELSE 0 END FROM recipients r WHERE r.no = m.recipient_no) = 1)
        """;

    /// <summary>Messages newest first; with their data only when asked.</summary>
    /// <param name="before">Only those that were accepted before this one.</param>
    public Task<Found<Message>> List(App app, MessageFilter filter, long before, int limit, bool withData = false) => database.Read(async connection =>
    {
        filter = filter with { Recipient = app.OnlyRecipient ?? filter.Recipient };
        var found = await Search(connection, app, filter, before, limit);
        return new Found<Message>(await MessageStore.FindBySeqs(connection, app, found.Rows, withData), found.SearchedTo);
    });

    private async Task<Found<long>> Search(DbConnection connection, App app, MessageFilter filter, long before, int limit)
    {
        var recipientNo = filter.Recipient is null ? null : await RecipientStore.FindNo(connection, app, filter.Recipient);
        var matches = filter.Q is { } q ? await MatchesOf(connection, app, q) : null;
        if ((filter.Recipient is not null && recipientNo is null) || matches is { Any: false })
        {
            return new([], null);
        }
        var scope = new SearchScope(
            connection, filter.Conditions, new { app.No, filter.Type, filter.Since, filter.Until, q = filter.Q, end = filter.Q is null ? null : Prefix.EndOf(filter.Q) },
            filter.Since is { } since ? await messages.Times.FirstSince(connection, since) : 0, limit);
        var last = filter.Until is { } until ? Math.Min(before, await messages.Times.EndBefore(connection, until)) : before;
        if (matches is { IsNarrow: true })
        {
            return await FromRanges(scope, matches.WaysIn(recipientNo), last);
        }
        scope = matches is null ? scope : scope with { Conditions = scope.Conditions + QMatches };
        return recipientNo is not null ? await FromRanges(scope, [$"m.recipient_no = {recipientNo}"], last)
            : await CandidatesOf(scope, filter.Status) is { } candidates ? await FromCandidates(scope, candidates, last)
            : await FromRanges(scope, ["m.app_no = @No"], last);
    }

    /// <summary>What of an app a search matches by id, recipient or type, exact or by prefix. What few have is named here; for what many have there are only counts.</summary>
    private static async Task<SearchMatches> MatchesOf(DbConnection connection, App app, string q)
    {
        if (q.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return new SearchMatches([], [], OthersMatch: false);
        }
        var values = new { app.No, q, end = Prefix.EndOf(q), ids = FewIds + 1, recipients = FewRecipients + 1 };
        var seqs = (await connection.QueryAsync<long>("SELECT seq FROM messages WHERE app_no = @No AND id >= @q AND id < @end LIMIT @ids", values)).AsList();
        var recipients = (await connection.QueryAsync<long>(
            "SELECT no FROM recipients WHERE app_no = @No AND recipient >= @q AND recipient < @end LIMIT @recipients", values)).AsList();
        var types = await connection.ExecuteScalarAsync<long?>("SELECT no FROM event_types WHERE app_no = @No AND name >= @q AND name < @end LIMIT 1", values);
        return new SearchMatches(
            seqs, recipients,
            seqs.Count > FewIds || recipients.Count > FewRecipients || types is not null || MessageIntake.TestType.StartsWith(q, StringComparison.Ordinal));
    }

    /// <summary>
    /// Reads indexes that are ordered by sequence, backwards. How far is settled first, by their entries alone; between there and <paramref name="last"/> every way in is
    /// then read whole, or until the page is full.
    /// </summary>
    /// <param name="waysIn">Conditions that such an index answers, or that name few messages.</param>
    private async Task<Found<long>> FromRanges(SearchScope scope, List<string> waysIn, long last)
    {
        if (waysIn.Count == 0)
        {
            return new([], null);
        }
        long? stopAt = null;
        foreach (var way in scope.Conditions.Length > 0 ? waysIn : [])
        {
            var at = (await scope.Seqs(
                $"SELECT m.seq FROM messages m WHERE {way} AND m.seq >= @First AND m.seq < @last ORDER BY m.seq DESC LIMIT 1 OFFSET @most",
                new { scope.First, last, most = Math.Max(0, (bounds.Rows / waysIn.Count) - 1) })).Cast<long?>().FirstOrDefault();
            stopAt = stopAt > at ? stopAt : at ?? stopAt;
        }
        var branches = waysIn.Select(way =>
            $"SELECT m.seq FROM messages m WHERE {way} AND m.seq >= @from AND m.seq < @last{scope.Conditions} ORDER BY m.seq DESC LIMIT @limit");
        var sql = waysIn.Count == 1
            ? branches.Single()
            : string.Join(" UNION ", branches.Select((branch, i) => $"SELECT seq FROM ({branch}) AS b{i}")) + " ORDER BY seq DESC LIMIT @limit";
        var found = await scope.Seqs(sql, new { from = Math.Max(scope.First, stopAt ?? 0), last, limit = scope.Limit });
        return new Found<long>(found, found.Count < scope.Limit ? stopAt : null);
    }

    /// <summary>Reads messages that are known by number, a growing handful at a time.</summary>
    private async Task<Found<long>> FromCandidates(SearchScope scope, Func<long, int, Task<List<long>>> candidates, long last)
    {
        var found = new List<long>();
        for (var (looked, many) = (0, FirstCandidates); ; many *= 4)
        {
            var wanted = Math.Min(many, bounds.Rows - looked);
            var next = await candidates(last, wanted);
            looked += next.Count;
            found.AddRange(await scope.Seqs(
                $"SELECT m.seq FROM messages m WHERE m.seq IN {Stored.List(next)} AND {Stored.Unindexed}m.app_no = @No{scope.Conditions} ORDER BY m.seq DESC LIMIT @limit",
                new { limit = scope.Limit - found.Count }));
            if (found.Count >= scope.Limit || next.Count < wanted)
            {
                return new Found<long>(found, null);
            }
            last = next[^1];
            if (looked >= bounds.Rows)
            {
                return new Found<long>(found, last);
            }
        }
    }

    /// <summary>
    /// The messages that may have a status that few have, newest first, by the deliveries that have it: (before, count) → sequences. Null when the status is no
    /// way in: most messages have it, or as many that there is one among the newest.
    /// </summary>
    private async Task<Func<long, int, Task<List<long>>>?> CandidatesOf(SearchScope scope, string? status)
    {
        if (status is "failed" or "canceled")
        {
            var only = status is "failed" ? DeliveryStatus.Failed : DeliveryStatus.Canceled;
            return (before, count) => scope.Seqs(
                $"""
                SELECT DISTINCT message_seq FROM deliveries WHERE status >= 2 AND status = {(int)only} AND message_seq >= @First AND message_seq < @before
                ORDER BY message_seq DESC LIMIT @count
                """, new { scope.First, before, count });
        }
        if (status is not "pending")
        {
            return null;
        }
        // The index of what is pending is in the order of its times, so all of it is read, or none.
        var pending = await scope.Seqs("SELECT message_seq FROM deliveries WHERE status = 0 LIMIT @most", new { most = bounds.Rows + 1 });
        if (pending.Count > bounds.Rows)
        {
            return null;
        }
        var newestFirst = pending.Distinct().OrderDescending().ToList();
        return (before, count) => Task.FromResult(newestFirst.Where(seq => seq < before).Take(count).ToList());
    }

    /// <summary>What every statement of one search shares.</summary>
    /// <param name="Conditions">What must hold of a message <c>m</c> beside the way in; empty when nothing.</param>
    /// <param name="First">Nothing before this one matches.</param>
    private sealed record SearchScope(DbConnection Connection, string Conditions, object Values, long First, int Limit)
    {
        public async Task<List<long>> Seqs(string sql, object more)
        {
            var values = new DynamicParameters(Values);
            values.AddDynamicParams(more);
            return (await Connection.QueryAsync<long>(sql, values)).AsList();
        }
    }

    /// <param name="Seqs">Messages by their id.</param>
    /// <param name="Recipients">Recipients by theirs.</param>
    /// <param name="OthersMatch">More than these may match: by type, or because many do.</param>
    private sealed record SearchMatches(IReadOnlyList<long> Seqs, IReadOnlyList<long> Recipients, bool OthersMatch)
    {
        public bool Any => Seqs.Count > 0 || Recipients.Count > 0 || OthersMatch;

        public bool IsNarrow => !OthersMatch;

        /// <summary>The ways in to them, of all recipients or of one.</summary>
        public List<string> WaysIn(long? recipientNo)
        {
            var ways = Recipients.Where(no => recipientNo is null || no == recipientNo).Select(no => $"m.recipient_no = {no}").ToList();
            if (Seqs.Count > 0)
            {
                ways.Add($"m.seq IN {Stored.List(Seqs)}" + (recipientNo is null ? "" : $" AND m.recipient_no = {recipientNo}"));
            }
            return ways;
        }
    }
}
