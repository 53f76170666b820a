using System.Data.Common;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>What a step through the ledger counts of sources: events by the hour, times by the day. And what is worth telling only when there is much of it.</summary>
internal sealed class Tallies
{
    private readonly Dictionary<(long SourceNo, long Hour), HourCount> _hours = [];
    private readonly Dictionary<TimeKey, long> _times = [];
    private readonly Dictionary<(long SourceNo, string Type, long Hour), long> _types = [];
    private readonly List<(Burden Burden, long SourceNo, long Hour, Sighting Seen, bool IsCertain)> _doubtful = [];

    public IReadOnlyList<HourCount> Hours => [.. _hours.Values.OrderBy(hour => hour.SourceNo).ThenBy(hour => hour.Hour)];

    public IReadOnlyList<KeyValuePair<(long SourceNo, string Type, long Hour), long>> Types => [.. _types.OrderBy(type => type.Key.SourceNo).ThenBy(type => type.Key.Type, StringComparer.Ordinal).ThenBy(type => type.Key.Hour)];

    /// <summary>One of a type came.</summary>
    public void CameOf(long sourceNo, string type, DateTimeOffset at)
    {
        var key = (sourceNo, type, FeedRate.HourOf(at));
        _types[key] = _types.GetValueOrDefault(key) + 1;
    }

    /// <summary>An event came, for the first time.</summary>
    public void Came(long sourceNo, DateTimeOffset at) => Add(sourceNo, at, events: 1);

    /// <summary>Something took this long.</summary>
    public void Took(long sourceNo, string rule, DateTimeOffset at, TimeSpan time)
    {
        var key = KeyOf(sourceNo, rule, at, time);
        _times[key] = _times.GetValueOrDefault(key) + 1;
    }

    /// <summary>What a time is counted by.</summary>
    public static TimeKey KeyOf(long sourceNo, string rule, DateTimeOffset at, TimeSpan time) => new(sourceNo, rule, UsualTime.DayOf(at), UsualTime.StepOf(time));

    /// <summary>The times of this step and others, each counted by itself; in one order, in which nodes do not wait for each other.</summary>
    public IReadOnlyList<KeyValuePair<TimeKey, long>> Merged(IEnumerable<TimeKey> more) =>
    [
        .. _times.Concat(more.Select(key => KeyValuePair.Create(key, 1L))).GroupBy(time => time.Key, time => time.Value).Select(time => KeyValuePair.Create(time.Key, time.Sum()))
            .OrderBy(time => time.Key.SourceNo).ThenBy(time => time.Key.Rule, StringComparer.Ordinal).ThenBy(time => time.Key.Day).ThenBy(time => time.Key.Step),
    ];

    /// <summary>An event was slow, or had been tried before: one says little, many do.</summary>
    /// <param name="isCertain">This one says enough.</param>
    public void Note(Burden burden, long sourceNo, DateTimeOffset at, Sighting seen, bool isCertain = false)
    {
        Add(sourceNo, at, slow: burden == Burden.Slow ? 1 : 0, retried: burden == Burden.Retried ? 1 : 0);
        _doubtful.Add((burden, sourceNo, FeedRate.HourOf(at), seen, isCertain));
    }

    /// <summary>What was noted, where there is much of it in this hour and the last, with what was counted in earlier steps.</summary>
    public async Task<IReadOnlyList<Sighting>> Weigh(DbConnection connection)
    {
        var seen = new List<Sighting>();
        foreach (var noted in _doubtful.GroupBy(item => (item.Burden, item.SourceNo)))
        {
            var last = noted.Max(item => item.Hour);
            var (events, much) = (0L, 0L);
            foreach (var hour in (await FeedRateStore.Hours(connection, noted.Key.SourceNo, last - 1, last)).Concat(_hours.Values.Where(hour => hour.SourceNo == noted.Key.SourceNo && hour.Hour >= last - 1)))
            {
                events += hour.Events;
                much += noted.Key.Burden == Burden.Slow ? hour.Slow : hour.Retried;
            }
            var isMuch = noted.Key.Burden.IsMuch(much, events);
            seen.AddRange(noted.Where(item => isMuch || item.IsCertain).Select(item => item.Seen));
        }
        return seen;
    }

    private void Add(long sourceNo, DateTimeOffset at, long events = 0, long slow = 0, long retried = 0)
    {
        var key = (sourceNo, FeedRate.HourOf(at));
        var hour = _hours.GetValueOrDefault(key) ?? new HourCount(sourceNo, key.Item2, 0, 0, 0);
        _hours[key] = hour with { Events = hour.Events + events, Slow = hour.Slow + slow, Retried = hour.Retried + retried };
    }
}

/// <summary>What burdens a feed when there is much of it.</summary>
/// <param name="Fewest">Fewer are nothing.</param>
/// <param name="OneIn">One in so many events is much.</param>
internal sealed record Burden(long Fewest, long OneIn)
{
    /// <summary>Events that come much later than is usual of the source.</summary>
    public static Burden Slow { get; } = new(10, 5);

    /// <summary>Events that the vendor had to send again.</summary>
    public static Burden Retried { get; } = new(5, 20);

    public bool IsMuch(long count, long events) => count >= Fewest && count * OneIn >= events;
}

/// <summary>What a source sent in an hour.</summary>
/// <param name="Events">Genuine ones, each once.</param>
/// <param name="Slow">Of these, those that came much later than usual.</param>
/// <param name="Retried">Requests that had been tried before.</param>
public sealed record HourCount(long SourceNo, long Hour, long Events, long Slow, long Retried);
