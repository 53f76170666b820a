using System.Collections.Concurrent;
using Hookway.Api;
using Hookway.Ingest.Sources;

namespace Hookway.Ingest.Intake;

/// <summary>Holds each source to its requests per minute, on this node. A source without a limit costs nothing.</summary>
public sealed class SourceRate(TimeProvider clock)
{
    private readonly ConcurrentDictionary<long, RateBucket> _buckets = new();

    /// <summary>Takes one request out of the source's bucket; a problem when it is empty.</summary>
    public Problem? Take(Source source)
    {
        if (source.Settings.RateLimitPerMinute is not { } limit)
        {
            return null;
        }
        var bucket = _buckets.GetOrAdd(source.No, _ => NewBucket(limit));
        if (bucket.Size != limit)
        {
            _buckets[source.No] = bucket = NewBucket(limit);
        }
        return bucket.Take(clock.GetTimestamp(), out _) >= 0
            ? null
            : Problem.RateLimited("rateLimitPerMinute", $"The source takes {limit} requests a minute.", TimeSpan.FromSeconds(Math.Max(1, 60d / limit)));
    }

    private RateBucket NewBucket(int limit) => new(limit, clock.TimestampFrequency * 60);
}
