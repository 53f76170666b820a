using System.Data.Common;
using Dapper;
using Hookway.Deliveries;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Ledger;

/// <summary>Finds the events of a list, newest first, by an index that leads to few: that of one thing, of what a source refused, of a source, of the workspace.</summary>
public sealed class EventSearch(Database database, EventStore events, ReadBounds bounds)
{
    private const int FewIds = 1_000;
    private const int FewEntities = 50;

    /// <summary>What <c>q</c> means for an event that no narrower way in has found.</summary>
    private const string QMatches =
        """
         AND ((e.id >= @q AND e.id < @end) OR (e.event_type >= @q AND e.event_type < @end) OR (e.vendor_event_id >= @q AND e.vendor_event_id < @end)
            OR (e.entity_key >= @q AND e.entity_key < @end))
        """;

    /// <param name="before">Only those that were accepted before this one.</param>
    public Task<Found<VendorEvent>> List(long workspaceNo, EventFilter filter, long before, int limit) => database.Read(async connection =>
    {
        var found = await Search(connection, workspaceNo, filter, before, limit);
        return new Found<VendorEvent>(await EventStore.FindBySeqs(connection, workspaceNo, found.Rows), found.SearchedTo);
    });

    private async Task<Found<long>> Search(DbConnection connection, long workspaceNo, EventFilter filter, long before, int limit)
    {
        var matches = filter.Q is { } q ? await MatchesOf(connection, workspaceNo, q) : null;
        if (matches is { Any: false })
        {
            return new([], null);
        }
        var values = new DynamicParameters(new
        {
            workspaceNo, filter.SourceNo, filter.Type, filter.EntityKey, SignatureNumber = (long?)filter.SignatureStatus, filter.Since, filter.Until, q = filter.Q,
            end = filter.Q is null ? null : Prefix.EndOf(filter.Q),
        });
        var narrow = matches is { OthersMatch: false };
        var ways = narrow ? matches!.WaysIn(values) : [WayIn(filter)];
        var search = new RowSearch(
            connection, "events e", "e.workspace_no = @workspaceNo", filter.Conditions + (matches is null || narrow ? "" : QMatches), values,
            filter.Since is { } since ? await events.Times.FirstSince(connection, since) : 0, limit, bounds);
        var last = filter.Until is { } until ? Math.Min(before, await events.Times.EndBefore(connection, until)) : before;
        var isWide = !narrow && filter is { SourceNo: null, EntityKey: null };
        return isWide && await search.CandidatesByDelivery(EndedAs(filter.Status), filter.Status is "pending") is { } candidates
            ? await search.FromCandidates(candidates, last)
            : await search.FromRanges(ways, last);
    }

    private static string WayIn(EventFilter filter) => filter switch
    {
        { EntityKey: not null } => "e.workspace_no = @workspaceNo AND e.entity_key = @EntityKey",
        { SourceNo: not null, SignatureStatus: SignatureStatus.Failed } => "e.source_no = @SourceNo AND e.signature_status = 2",
        { SourceNo: not null } => "e.source_no = @SourceNo",
        _ => "e.workspace_no = @workspaceNo",
    };

    private static int? EndedAs(string? status) => status switch
    {
        "failed" => (int)DeliveryStatus.Failed,
        "canceled" => (int)DeliveryStatus.Canceled,
        _ => null,
    };

    /// <summary>What of a workspace a search matches, exact or by its beginning. What few have is named here; for what many have there is only that they do.</summary>
    private static async Task<SearchMatches> MatchesOf(DbConnection connection, long workspaceNo, string q)
    {
        var values = new { workspaceNo, q, end = Prefix.EndOf(q), most = FewIds + 1 };
        var seqs = (await connection.QueryAsync<long>("SELECT seq FROM events WHERE workspace_no = @workspaceNo AND id >= @q AND id < @end LIMIT @most", values)).AsList();
        var byVendor = (await connection.QueryAsync<long>(
            "SELECT seq FROM events WHERE workspace_no = @workspaceNo AND vendor_event_id >= @q AND vendor_event_id < @end LIMIT @most", values)).AsList();
        var entities = await EntitiesOf(connection, workspaceNo, q);
        return new SearchMatches(
            [.. seqs.Concat(byVendor).Distinct()], entities,
            seqs.Count > FewIds || byVendor.Count > FewIds || entities.Count > FewEntities || await EventStore.MayHaveType(connection, workspaceNo, q));
    }

    /// <summary>The entities that begin so, by one step through the index for each: a thing with a million events is passed in one.</summary>
    private static async Task<List<string>> EntitiesOf(DbConnection connection, long workspaceNo, string q)
    {
        var found = new List<string>();
        var (after, end) = (q, Prefix.EndOf(q));
        var compare = ">=";
        while (found.Count <= FewEntities && await connection.ExecuteScalarAsync<string?>(
            $"SELECT entity_key FROM events WHERE workspace_no = @workspaceNo AND entity_key {compare} @after AND entity_key < @end ORDER BY entity_key LIMIT 1",
            new { workspaceNo, after, end }) is { } next)
        {
            found.Add(next);
            (after, compare) = (next, ">");
        }
        return found;
    }

    /// <param name="Seqs">Events by an id.</param>
    /// <param name="Entities">Things that things happened to.</param>
    /// <param name="OthersMatch">More than these may match: by type, or because many do.</param>
    private sealed record SearchMatches(IReadOnlyList<long> Seqs, IReadOnlyList<string> Entities, bool OthersMatch)
    {
        public bool Any => Seqs.Count > 0 || Entities.Count > 0 || OthersMatch;

        /// <summary>The ways in to them; their values are added.</summary>
        public List<string> WaysIn(DynamicParameters values)
        {
            var ways = new List<string>();
            for (var i = 0; i < Entities.Count; i++)
            {
                values.Add($"entity{i}", Entities[i]);
                ways.Add($"e.workspace_no = @workspaceNo AND e.entity_key = @entity{i}");
            }
            if (Seqs.Count > 0)
            {
                ways.Add($"e.seq IN {Stored.List(Seqs)} AND +e.workspace_no = @workspaceNo");
            }
            return ways;
        }
    }
}
