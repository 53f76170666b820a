using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hookway.Tests.Support;

/// <summary>A forward proxy on loopback: opens tunnels, and sends plain requests on; what it was asked for is kept. One that wants a password refuses whoever brings none.</summary>
public sealed class ForwardProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly string? _authorization;

    /// <param name="credentials">As user:password.</param>
    public ForwardProxy(string? credentials = null)
    {
        _authorization = credentials is null ? null : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _ = Accept();
    }

    public Uri Address { get; }

    /// <summary>The first line of each request that was let through.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                _ = Serve(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The end of the test.
        }
    }

    private async Task Serve(TcpClient client)
    {
        try
        {
            using (client)
            {
                var near = client.GetStream();
                var (head, rest) = await ReadHead(near);
                var lines = head.Split("\r\n");
                if (_authorization is not null && !lines.Contains("Proxy-Authorization: " + _authorization))
                {
                    await near.WriteAsync("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
                    return;
                }
                Requests.Enqueue(lines[0]);
                var words = lines[0].Split(' ');
                var isTunnel = words[0] == "CONNECT";
                var to = new Uri(isTunnel ? "http://" + words[1] : words[1]);
                using var far = new TcpClient();
                await far.ConnectAsync(to.Host, to.Port, _stop.Token);
                if (isTunnel)
                {
                    await near.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
                }
                else
                {
                    var own = lines[1..].Where(line => !line.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase));
                    await far.GetStream().WriteAsync(Encoding.Latin1.GetBytes($"{words[0]} {to.PathAndQuery} HTTP/1.1\r\nConnection: close\r\n{string.Join("\r\n", own)}"));
                }
                await far.GetStream().WriteAsync(rest);
                await Task.WhenAny(near.CopyToAsync(far.GetStream(), _stop.Token), far.GetStream().CopyToAsync(near, _stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // Either side may go when it wants.
        }
    }

    private static async Task<(string Head, byte[] Body)> ReadHead(NetworkStream stream)
    {
        var read = new List<byte>();
        var buffer = new byte[4096];
        while (true)
        {
            var count = await stream.ReadAsync(buffer);
            read.AddRange(buffer.AsSpan(0, count));
            var text = Encoding.Latin1.GetString([.. read]);
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is >= 0 and var end)
            {
                return (text[..(end + 4)], [.. read.Skip(end + 4)]);
            }
            if (count == 0)
            {
                throw new IOException("The request ended early.");
            }
        }
    }
}
