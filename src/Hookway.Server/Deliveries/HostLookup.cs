using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Hookway.Deliveries;

/// <summary>
/// Looks host names up in the system's resolver. Lookups of one name share the one that is under way, and no more than a few names are looked up at once: one that
/// finds no room in time fails as a lookup does whose server is silent.
/// </summary>
/// <param name="most">Lookups at once; each has a thread.</param>
/// <param name="clock">The system's when null.</param>
/// <param name="resolve">Blocks its thread until it knows; the system's resolver when null.</param>
internal sealed class HostLookup(int most = 32, TimeProvider? clock = null, Func<string, IPAddress[]>? resolve = null)
{
    private static readonly TimeSpan LongestWaitForRoom = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Lazy<Task<IPAddress[]>>> underWay = new(StringComparer.OrdinalIgnoreCase);
    // One entry for each lookup that has a thread.
    private readonly Channel<bool> room = Channel.CreateBounded<bool>(most);
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private readonly Func<string, IPAddress[]> resolve = resolve ?? Dns.GetHostAddresses;

    public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
        underWay.GetOrAdd(host, name => new(() => Start(name))).Value.WaitAsync(cancel);

    private async Task<IPAddress[]> Start(string host)
    {
        try
        {
            await WaitForRoom();
            try
            {
                // The system's resolver blocks its thread until it gives up, also under Dns.GetHostAddressesAsync. On threads of the
                // pool, a few dozen names whose servers are silent would stop every other delivery.
                return await Task.Factory.StartNew(() => resolve(host), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            finally
            {
                room.Reader.TryRead(out _);
            }
        }
        finally
        {
            underWay.TryRemove(host, out _);
        }
    }

    private async Task WaitForRoom()
    {
        using var patience = new CancellationTokenSource(LongestWaitForRoom, clock);
        try
        {
            await room.Writer.WriteAsync(true, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new SocketException((int)SocketError.TryAgain, "Too many names are being looked up.");
        }
    }
}
