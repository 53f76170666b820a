using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Hookway.Deliveries;

/// <summary>
/// Looks host names up in the system's resolver. Lookups of one name share the one that is under way, and no more than a few names are looked up at once. Names that were
/// found before have some of that room for themselves, and a name whose servers have been silent is left alone for a while: it keeps no others from being found.
/// </summary>
/// <param name="most">Lookups at once; each has a thread.</param>
/// <param name="clock">The system's when null.</param>
/// <param name="resolve">Blocks its thread until it knows; the system's resolver when null.</param>
internal sealed class HostLookup(int most = 32, TimeProvider? clock = null, Func<string, IPAddress[]>? resolve = null)
{
    private const int MostRemembered = 20_000;
    private static readonly TimeSpan LongestWaitForRoom = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan SilenceIsRemembered = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Lazy<Task<IPAddress[]>>> underWay = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, bool> foundBefore = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, long> silentAt = new(StringComparer.OrdinalIgnoreCase);
    // One entry for each lookup that has a thread, and for each of those that is of a name that was not found before.
    private readonly Channel<bool> room = Channel.CreateBounded<bool>(most);
    private readonly Channel<bool> roomOfNew = Channel.CreateBounded<bool>(most - (most / 4));
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private readonly Func<string, IPAddress[]> resolve = resolve ?? Dns.GetHostAddresses;

    /// <exception cref="LookupsAreCrowded">There was no room in time: the name itself may be as good as any.</exception>
    public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
        underWay.GetOrAdd(host, name => new(() => Start(name))).Value.WaitAsync(cancel);

    private async Task<IPAddress[]> Start(string host)
    {
        try
        {
            if (silentAt.TryGetValue(host, out var at))
            {
                if (clock.GetElapsedTime(at) < SilenceIsRemembered)
                {
                    throw new SocketException((int)SocketError.TryAgain, "The servers of this name did not answer a moment ago.");
                }
                silentAt.TryRemove(host, out _);
            }
            var isNew = !foundBefore.ContainsKey(host);
            await WaitForRoom(isNew);
            try
            {
                return await LookUp(host);
            }
            finally
            {
                room.Reader.TryRead(out _);
                _ = isNew && roomOfNew.Reader.TryRead(out _);
            }
        }
        finally
        {
            underWay.TryRemove(host, out _);
        }
    }

    private async Task<IPAddress[]> LookUp(string host)
    {
        var started = clock.GetTimestamp();
        try
        {
            // The system's resolver blocks its thread until it gives up, also under Dns.GetHostAddressesAsync. On threads of the
            // pool, a few dozen names whose servers are silent would stop every other delivery.
            var found = await Task.Factory.StartNew(() => resolve(host), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Remember(foundBefore, host, true);
            return found;
        }
        catch (SocketException) when (clock.GetElapsedTime(started) >= Silence)
        {
            Remember(silentAt, host, clock.GetTimestamp());
            throw;
        }
    }

    private static void Remember<T>(ConcurrentDictionary<string, T> names, string host, T value)
    {
        if (names.TryAdd(host, value) && names.Count > MostRemembered)
        {
            names.Clear();
        }
    }

    private async Task WaitForRoom(bool isNew)
    {
        using var patience = new CancellationTokenSource(LongestWaitForRoom, clock);
        var hasPart = false;
        try
        {
            if (isNew)
            {
                await roomOfNew.Writer.WriteAsync(true, patience.Token);
                hasPart = true;
            }
            await room.Writer.WriteAsync(true, patience.Token);
        }
        catch (OperationCanceledException)
        {
            _ = hasPart && roomOfNew.Reader.TryRead(out _);
            throw new LookupsAreCrowded();
        }
    }
}

/// <summary>So many names are being looked up that one was not.</summary>
internal sealed class LookupsAreCrowded() : Exception("Too many names are being looked up.");
