using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>
/// Counts the messages that one transaction accepts, and refuses those that are over a workspace's month: exactly, also between nodes, since whoever counts against a
/// limit holds its row until the commit. Without a limit it costs one statement a transaction, whatever the number of messages.
/// </summary>
public sealed class MessageQuota
{
    private readonly UsageStore _usage;
    private readonly SortedDictionary<long, Count> _counts = [];
    private readonly DateTimeOffset _now;

    /// <param name="limits">Those of each workspace, as they are now.</param>
    /// <param name="before">What those with a limit have accepted so far.</param>
    internal MessageQuota(UsageStore usage, SortedDictionary<long, WorkspaceLimits> limits, Dictionary<long, long> before, DateTimeOffset now)
    {
        (_usage, _now) = (usage, now);
        foreach (var (no, limit) in limits)
        {
            _counts.Add(no, new Count { Limits = limit, Before = before.GetValueOrDefault(no) });
        }
    }

    /// <summary>Counts one message; a problem when the month has no room for it, or it is larger than the workspace may send.</summary>
    public Problem? Take(long workspaceNo, int payloadBytes)
    {
        var count = _counts[workspaceNo];
        if (payloadBytes > count.Limits.PayloadBytes)
        {
            return Problem.TooLarge("data", count.Limits.PayloadBytes.Value);
        }
        if (count.Limits.MessagesPerMonth is { } limit && count.Before + count.Taken >= limit)
        {
            return Problem.LimitReached(
                LimitKind.MessagesPerMonth.Name, $"The workspace has a limit of {limit} messages per month, and this month's are used up.", UsageStore.EndOfMonth(_now) - _now);
        }
        count.Taken++;
        return null;
    }

    /// <summary>Stores what was counted. The last thing in the transaction, so that other nodes wait for no more than its commit.</summary>
    public Task Close(WriteSession session) => _counts.Values.All(count => count.Taken == 0) ? Task.CompletedTask : _usage.Add(
        session, UsageStore.MonthOf(_now), _counts.Where(pair => pair.Value.Taken > 0).Select(pair => (pair.Key, pair.Value.Limits.MessagesPerMonth is not null, pair.Value.Taken)));

    private sealed class Count
    {
        public required WorkspaceLimits Limits { get; init; }
        public long Before { get; init; }
        public long Taken { get; set; }
    }
}
