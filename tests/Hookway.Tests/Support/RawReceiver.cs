using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hookway.Tests.Support;

/// <summary>A receiver that plays a script of bytes on every connection: for what no HTTP server would ever do.</summary>
public sealed class RawReceiver : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Func<RawConnection, Task> script;
    private readonly CancellationTokenSource ended = new();
    private readonly ConcurrentBag<Task> playing = [];
    private readonly Task accepting;
    private int connections;

    private RawReceiver(Func<RawConnection, Task> script)
    {
        this.script = script;
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public Uri Url => new($"http://127.0.0.1:{Port}/hook");

    /// <summary>How many connections were opened so far.</summary>
    public int Connections => Volatile.Read(ref connections);

    /// <summary>Plays the script on every connection, then closes it.</summary>
    public static RawReceiver Play(Func<RawConnection, Task> script) => new(script);

    /// <summary>Reads a request, answers with exactly these bytes (Latin-1) and closes.</summary>
    public static RawReceiver Answer(string response) => Play(async connection =>
    {
        await connection.ReadRequest();
        await connection.Send(response);
    });

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Dispose();
        await accepting;
        await Task.WhenAll(playing);
        ended.Dispose();
    }

    private async Task Accept()
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptSocketAsync(ended.Token);
                Interlocked.Increment(ref connections);
                playing.Add(Run(socket));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Run(Socket socket)
    {
        await using var connection = new RawConnection(socket, ended.Token);
        try
        {
            await script(connection);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // The sender went away, which is what most scripts are there to bring about.
        }
    }
}

/// <summary>One connection of a <see cref="RawReceiver"/>.</summary>
public sealed class RawConnection(Socket socket, CancellationToken ended) : IAsyncDisposable
{
    public NetworkStream Stream { get; } = new(socket, ownsSocket: true);

    public CancellationToken Ended => ended;

    /// <summary>Reads one request with its body and returns its head.</summary>
    public async Task<string> ReadRequest()
    {
        var read = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            var count = await Stream.ReadAsync(buffer, ended);
            if (count == 0)
            {
                throw new IOException("The sender closed the connection before its request was complete.");
            }

            read.Append(Encoding.Latin1.GetString(buffer, 0, count));
            var text = read.ToString();
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && text.Length >= end + 4 + ContentLength(text))
            {
                return text[..end];
            }
        }
    }

    public async Task Send(string bytes) => await Stream.WriteAsync(Encoding.Latin1.GetBytes(bytes), ended);

    /// <summary>Does nothing for as long as the test lasts.</summary>
    public Task Hang() => Task.Delay(Timeout.Infinite, ended);

    /// <summary>Ends the connection with a reset instead of a close.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Close();
    }

    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    private static int ContentLength(string request)
    {
        const string Name = "content-length:";
        var at = request.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? 0 : int.Parse(request.AsSpan(at + Name.Length, request.IndexOf('\r', at) - at - Name.Length), provider: null);
    }
}
