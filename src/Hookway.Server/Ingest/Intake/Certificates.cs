using System.Collections.Concurrent;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Intake;

/// <summary>
/// The certificates that vendors' signatures name (AWS SNS, PayPal). They are fetched from the vendor's own hosts alone, which the verifier sees to, by the guarded sender,
/// and kept in memory. Whoever can send to a source can name any file of those hosts, so few are fetched in a minute for each source, and few are kept.
/// </summary>
public sealed class Certificates(SendRequest send, CertificateTrust trust, TimeProvider clock, ILogger<Certificates> log) : IDisposable
{
    private const int MostKept = 100;
    private const int MostFetchedPerMinute = 20;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private static readonly KeyValuePair<string, string>[] Headers = [new("accept", "*/*"), new("user-agent", "Hookway/" + ProductVersion.Text)];

    private readonly ConcurrentDictionary<Uri, byte[]> _kept = new();
    private readonly SemaphoreSlim _fetching = new(1);
    private readonly ConcurrentDictionary<long, RateBucket> _buckets = new();

    /// <summary>The certificate that is served there, when it is at hand.</summary>
    public byte[]? Find(Uri url) => _kept.GetValueOrDefault(url);

    /// <summary>Fetches a certificate; answers whether it is at hand now.</summary>
    /// <param name="sourceNo">Who asks: what one source names keeps no other's from being fetched.</param>
    /// <param name="place">What the vendor's record asks of it.</param>
    public async Task<bool> Fetch(long sourceNo, Uri url, CertificatePlace place)
    {
        if (!await _fetching.WaitAsync(LongestWait))
        {
            return false;
        }
        try
        {
            if (_kept.ContainsKey(url))
            {
                return true;
            }
            if (_buckets.GetOrAdd(sourceNo, _ => new RateBucket(MostFetchedPerMinute, clock.TimestampFrequency * 60)).Take(clock.GetTimestamp(), out _) < 0)
            {
                log.LogWarning("More certificates are asked for than are fetched in a minute; {Host} was not asked", url.Host);
                return false;
            }
            var result = await send(new DeliveryRequest(HttpMethod.Get, url, Headers, default), CancellationToken.None);
            if (result.Outcome is not AttemptOutcome.Succeeded || result.ResponseBody.Length == 0)
            {
                log.LogWarning("The certificate of {Host} could not be fetched: {Error} {Detail}", url.Host, result.Outcome.Code(), result.Detail);
                return false;
            }
            if (_kept.Count >= MostKept)
            {
                _kept.Clear();
            }
            var problem = trust.ProblemWith(result.ResponseBody, place, clock.GetUtcNow());
            if (problem is not null)
            {
                log.LogWarning("The certificate of {Host} is not taken. {Problem}", url.Host, problem);
            }
            // What is not taken is kept as none at all, and refused by the verifier.
            _kept[url] = problem is null ? result.ResponseBody : [];
            return true;
        }
        finally
        {
            _fetching.Release();
        }
    }

    public void Dispose() => _fetching.Dispose();
}
