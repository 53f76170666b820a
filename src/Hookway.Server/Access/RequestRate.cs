using System.Collections.Concurrent;
using System.Globalization;
using Hookway.Api;

namespace Hookway.Access;

/// <summary>
/// Holds each workspace to its requests per second, on this node: a bucket of one second's worth that fills evenly. A workspace without a limit costs nothing.
/// </summary>
public sealed class RequestRate(TimeProvider clock)
{
    private readonly ConcurrentDictionary<long, RateBucket> _buckets = new();

    /// <summary>Takes one request out of the workspace's bucket and says in the response's headers what is left; a problem when it is empty.</summary>
    public Problem? Take(Workspace workspace, HttpResponse response)
    {
        if (workspace.Limits.RequestsPerSecond is not { } limit)
        {
            return null;
        }
        var bucket = _buckets.GetOrAdd(workspace.No, _ => new RateBucket(limit, clock.TimestampFrequency));
        if (bucket.Size != limit)
        {
            _buckets[workspace.No] = bucket = new RateBucket(limit, clock.TimestampFrequency);
        }
        var left = bucket.Take(clock.GetTimestamp(), out var untilFull);
        var headers = response.Headers;
        headers["RateLimit-Limit"] = limit.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Remaining"] = Math.Max(left, 0).ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Reset"] = Math.Ceiling((double)untilFull / clock.TimestampFrequency).ToString(CultureInfo.InvariantCulture);
        return left >= 0 ? null : Problem.RateLimited(LimitKind.RequestsPerSecond.Name, $"The workspace has a limit of {limit} requests per second.", TimeSpan.FromSeconds(1));
    }
}
