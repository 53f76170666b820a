using System.Net;
using System.Net.Sockets;

namespace Hookway.Tests.Support;

/// <summary>A process's own way to a server on this machine: a port that passes everything on, until it is told to hold it up or to break it off.</summary>
public sealed class CuttableWire : IAsyncDisposable
{
    private readonly DnsEndPoint _to;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _open = [];
    private TaskCompletionSource _flows = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;

    private CuttableWire(DnsEndPoint to)
    {
        _to = to;
        _flows.SetResult();
        _listener.Start();
        _loop = Accept();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public static CuttableWire To(DnsEndPoint server) => new(server);

    /// <summary>Breaks off every connection; new ones are made at once.</summary>
    public void Break()
    {
        List<Socket> all;
        lock (_gate)
        {
            all = [.. _open];
            _open.Clear();
        }
        foreach (var socket in all)
        {
            try
            {
                // Not the polite end: a reset.
                socket.LingerState = new LingerOption(true, 0);
            }
            catch (ObjectDisposedException)
            {
                // Its own end came first.
            }
            socket.Dispose();
        }
    }

    /// <summary>From now on nothing comes through, and nobody is told: what is sent waits.</summary>
    public void Hold() => _flows = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What waits goes on, and whatever comes.</summary>
    public void Release() => _flows.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Release();
        Break();
        await _loop;
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = Join(await _listener.AcceptSocketAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The end, or a caller that did not wait.
            }
        }
    }

    private async Task Join(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        lock (_gate)
        {
            _open.Add(near);
            _open.Add(far);
        }
        try
        {
            await _flows.Task;
            await far.ConnectAsync(_to, _stop.Token);
            await Task.WhenAny(Pass(near, far), Pass(far, near));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Broken off, or the server is away: so it is for who called.
        }
        lock (_gate)
        {
            _open.Remove(near);
            _open.Remove(far);
        }
        near.Dispose();
        far.Dispose();
    }

    private async Task Pass(Socket from, Socket to)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                await _flows.Task;
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Either end is gone: the other goes too.
        }
    }
}
