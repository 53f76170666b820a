using System.Data.Common;
using Dapper;

namespace Hookway.Storage;

/// <summary>
/// One search for rows that are numbered in the order of their commits, newest first. The way in is always an index; what it does not tell is asked of each row on the way,
/// of no more than <see cref="ReadBounds"/> says; then the page ends where it is, and the next one goes on from there.
/// </summary>
/// <param name="table">The table and its alias, such as <c>messages m</c>.</param>
/// <param name="owner">What must hold of every row, and is no way in by itself: whose it is.</param>
/// <param name="conditions">What must hold beside the way in, each with its <c>AND</c>; empty when nothing.</param>
/// <param name="values">Of the parameters in both and in ways in.</param>
/// <param name="first">Nothing before this one matches.</param>
public sealed class RowSearch(DbConnection connection, string table, string owner, string conditions, object values, long first, int limit, ReadBounds bounds)
{
    private const int FirstCandidates = 500;

    private readonly string _alias = table[(table.LastIndexOf(' ') + 1)..];

    /// <summary>
    /// Reads indexes that are ordered by sequence, backwards. How far is settled first, by their entries alone; between there and <paramref name="last"/> every way in is
    /// then read whole, or until the page is full.
    /// </summary>
    /// <param name="waysIn">Conditions that such an index answers, or that name few rows.</param>
    public async Task<Found<long>> FromRanges(IReadOnlyList<string> waysIn, long last)
    {
        if (waysIn.Count == 0)
        {
            return new([], null);
        }
        long? stopAt = null;
        foreach (var way in conditions.Length > 0 ? waysIn : [])
        {
            var at = (await Seqs(
                $"SELECT {_alias}.seq FROM {table} WHERE {way} AND {_alias}.seq >= @First AND {_alias}.seq < @last ORDER BY {_alias}.seq DESC LIMIT 1 OFFSET @most",
                new { First = first, last, most = Math.Max(0, (bounds.Rows / waysIn.Count) - 1) })).Cast<long?>().FirstOrDefault();
            stopAt = stopAt > at ? stopAt : at ?? stopAt;
        }
        var branches = waysIn.Select(way =>
            $"SELECT {_alias}.seq FROM {table} WHERE {way} AND {_alias}.seq >= @from AND {_alias}.seq < @last{conditions} ORDER BY {_alias}.seq DESC LIMIT @limit");
        var sql = waysIn.Count == 1
            ? branches.Single()
            : string.Join(" UNION ", branches.Select((branch, i) => $"SELECT seq FROM ({branch}) AS b{i}")) + " ORDER BY seq DESC LIMIT @limit";
        var found = await Seqs(sql, new { from = Math.Max(first, stopAt ?? 0), last, limit });
        return new Found<long>(found, found.Count < limit ? stopAt : null);
    }

    /// <summary>Reads rows that are known by number, a growing handful at a time.</summary>
    /// <param name="candidates">(before, count) → sequences, newest first.</param>
    public async Task<Found<long>> FromCandidates(Func<long, int, Task<List<long>>> candidates, long last)
    {
        var found = new List<long>();
        for (var (looked, many) = (0, FirstCandidates); ; many *= 4)
        {
            var wanted = Math.Min(many, bounds.Rows - looked);
            var next = await candidates(last, wanted);
            looked += next.Count;
            found.AddRange(await Seqs(
                $"""
                SELECT {_alias}.seq FROM {table} WHERE {_alias}.seq IN {Stored.List(next)} AND {Stored.Unindexed}{owner}{conditions}
                ORDER BY {_alias}.seq DESC LIMIT @limit
                """, new { limit = limit - found.Count }));
            if (found.Count >= limit || next.Count < wanted)
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
    /// The items whose deliveries have a status that few have, newest first: what <see cref="FromCandidates"/> takes. Null when the status is no way in: most have it, or
    /// as many that there is one among the newest.
    /// </summary>
    /// <param name="ended">The number of the status, when it is one that ends a delivery without success.</param>
    /// <param name="isPending">Whether it is the one of deliveries that are not over.</param>
    public async Task<Func<long, int, Task<List<long>>>?> CandidatesByDelivery(int? ended, bool isPending)
    {
        if (ended is { } only)
        {
            return (before, count) => Seqs(
                $"""
                SELECT DISTINCT message_seq FROM deliveries WHERE status >= 2 AND status = {only} AND message_seq >= @First AND message_seq < @before
                ORDER BY message_seq DESC LIMIT @count
                """, new { First = first, before, count });
        }
        if (!isPending)
        {
            return null;
        }
        // The index of what is pending is in the order of its times, so all of it is read, or none.
        var pending = await Seqs("SELECT message_seq FROM deliveries WHERE status = 0 LIMIT @most", new { most = bounds.Rows + 1 });
        if (pending.Count > bounds.Rows)
        {
            return null;
        }
        var newestFirst = pending.Distinct().OrderDescending().ToList();
        return (before, count) => Task.FromResult(newestFirst.Where(seq => seq < before).Take(count).ToList());
    }

    private async Task<List<long>> Seqs(string sql, object more)
    {
        var parameters = new DynamicParameters(values);
        parameters.AddDynamicParams(more);
        return (await connection.QueryAsync<long>(sql, parameters)).AsList();
    }
}
