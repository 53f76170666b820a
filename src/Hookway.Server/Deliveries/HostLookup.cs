using System.Collections.Concurrent;
using System.Net;

namespace Hookway.Deliveries;

/// <summary>Looks host names up in the system's resolver. Lookups of one name share the one that is under way.</summary>
internal sealed class HostLookup
{
    private readonly ConcurrentDictionary<string, Lazy<Task<IPAddress[]>>> underWay = new(StringComparer.OrdinalIgnoreCase);

    public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
        underWay.GetOrAdd(host, Start).Value.WaitAsync(cancel);

    // The system's resolver blocks its thread until it gives up, also under Dns.GetHostAddressesAsync. On threads of the
    // pool, a few dozen names whose servers are silent would stop every other delivery.
    private Lazy<Task<IPAddress[]>> Start(string host) => new(() => Task.Factory.StartNew(
        () =>
        {
            try
            {
                return Dns.GetHostAddresses(host);
            }
            finally
            {
                underWay.TryRemove(host, out _);
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default));
}
