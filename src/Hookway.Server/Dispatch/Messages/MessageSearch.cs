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
        var last = filter.Until is { } until ? Math.Min(before, await messages.Times.EndBefore(connection, until)) : before;
        var narrow = matches is { IsNarrow: true };
        var search = new RowSearch(
            connection, "messages m", "m.app_no = @No", filter.Conditions + (matches is null || narrow ? "" : QMatches),
            new { app.No, filter.Type, filter.Since, filter.Until, q = filter.Q, end = filter.Q is null ? null : Prefix.EndOf(filter.Q) },
            filter.Since is { } since ? await messages.Times.FirstSince(connection, since) : 0, limit, bounds);
        return narrow ? await search.FromRanges(matches!.WaysIn(recipientNo), last)
            : recipientNo is not null ? await search.FromRanges([$"m.recipient_no = {recipientNo}"], last)
            : await search.CandidatesByDelivery(EndedAs(filter.Status), filter.Status is "pending") is { } candidates ? await search.FromCandidates(candidates, last)
            : await search.FromRanges(["m.app_no = @No"], last);
    }

    private static int? EndedAs(string? status) => status switch
    {
        "failed" => (int)DeliveryStatus.Failed,
        "canceled" => (int)DeliveryStatus.Canceled,
        _ => null,
    };

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
