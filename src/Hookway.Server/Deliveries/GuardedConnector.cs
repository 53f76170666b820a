using System.Net;
using System.Net.Sockets;

namespace Hookway.Deliveries;

/// <summary>Opens the sender's connections, to allowed addresses only, whatever the name resolved to before. Those to the operator's own proxy are for requests that were checked.</summary>
internal sealed class GuardedConnector(AddressGuard guard, SenderOptions options, TimeProvider clock)
{
    private static readonly TimeSpan LongestDialOfMany = TimeSpan.FromSeconds(2);

    /// <summary>A callback of <see cref="SocketsHttpHandler"/>; fails with <see cref="ConnectFailure"/>.</summary>
    public async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var target = context.DnsEndPoint;
        if (options.Proxy is not null)
        {
            return await ConnectToProxy(target, cancel);
        }

        var addresses = await Resolve(target.Host, cancel);
        var allowed = Array.FindAll(addresses, guard.Allows);
        return allowed.Length > 0 ? await DialAny(allowed, target, cancel) : throw Blocked(target.Host, addresses[0]);
    }

    /// <summary>Before a request goes to the proxy, which may take any of the addresses that a name has: none of them may be one that is not allowed.</summary>
    public async Task Check(string host, CancellationToken cancel)
    {
        if (Array.Find(await Resolve(host, cancel), address => !guard.Allows(address)) is { } refused)
        {
            throw Blocked(host, refused);
        }
    }

    private ConnectFailure Blocked(string host, IPAddress address) => new(AttemptOutcome.BlockedAddress, $"{host} is {guard.Objection(address)}.");

    // Where it is, and what is wrong with it, is for the operator and not for those whose endpoints are called.
    private async Task<Stream> ConnectToProxy(DnsEndPoint proxy, CancellationToken cancel)
    {
        try
        {
            return await DialAny(await Resolve(proxy.Host, cancel), proxy, cancel);
        }
        catch (ConnectFailure e)
        {
            throw new ConnectFailure(AttemptOutcome.ConnectionFailed, "The server's own proxy cannot be reached.", e) { WasNotMade = e.WasNotMade };
        }
    }

    private async Task<Stream> DialAny(IPAddress[] allowed, DnsEndPoint target, CancellationToken cancel)
    {
        for (var i = 0; i < allowed.Length - 1; i++)
        {
            try
            {
                return await Dial(allowed[i], target, DialLimit(allowed.Length), cancel);
            }
            catch (ConnectFailure)
            {
                continue;
            }
        }

        return await Dial(allowed[^1], target, Timeout.InfiniteTimeSpan, cancel);
    }

    private async Task<IPAddress[]> Resolve(string host, CancellationToken cancel)
    {
        try
        {
            var addresses = await guard.Resolve(host, cancel).WaitAsync(options.DnsTimeout, clock, cancel);
            return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.NoData);
        }
        catch (SocketException e)
        {
            throw new ConnectFailure(AttemptOutcome.Dns, $"{host} could not be resolved ({e.SocketErrorCode}).", e);
        }
        catch (LookupsAreCrowded e)
        {
            throw new ConnectFailure(AttemptOutcome.Dns, $"{host} was not looked up: many other names were being looked up.", e) { WasNotMade = true };
        }
        catch (ArgumentException e)
        {
            throw new ConnectFailure(AttemptOutcome.Dns, $"{host} is not a name that can be resolved.", e);
        }
        catch (TimeoutException e)
        {
            throw new ConnectFailure(AttemptOutcome.Dns, $"The lookup of {host} took longer than {options.DnsTimeout.TotalSeconds:0.##} s.", e);
        }
    }

    // One silent address, as IPv6 often is where nobody looks after it, must leave time for the next.
    private TimeSpan DialLimit(int addresses)
    {
        var share = options.Timeout / addresses;
        return share < LongestDialOfMany ? share : LongestDialOfMany;
    }

    private async Task<Stream> Dial(IPAddress address, DnsEndPoint target, TimeSpan limit, CancellationToken cancel)
    {
        var dialled = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        Socket? socket = null;
        try
        {
            socket = new Socket(dialled.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(dialled, target.Port, cancel).AsTask().WaitAsync(limit, clock, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e)
        {
            socket?.Dispose();
            throw e switch
            {
                SocketException { SocketErrorCode: SocketError.ConnectionRefused } =>
                    new ConnectFailure(AttemptOutcome.ConnectionRefused, $"{target.Host} refused the connection on port {target.Port}.", e),
                TimeoutException or SocketException { SocketErrorCode: SocketError.TimedOut } =>
                    new ConnectFailure(AttemptOutcome.Timeout, $"{target.Host} did not answer on port {target.Port}.", e),
                SocketException failed =>
                    new ConnectFailure(AttemptOutcome.ConnectionFailed, $"{target.Host} could not be reached on port {target.Port} ({failed.SocketErrorCode}).", e),
                _ => e,
            };
        }
    }
}

/// <summary>Carries an outcome out of the connect callback, which can answer with a connection or an exception only.</summary>
internal sealed class ConnectFailure(AttemptOutcome outcome, string detail, Exception? cause = null) : IOException(detail, cause)
{
    public AttemptOutcome Outcome => outcome;

    /// <summary>It says nothing of the receiver: there was no room here.</summary>
    public bool WasNotMade { get; init; }
}
