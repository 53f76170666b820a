using System.Net;
using System.Net.Sockets;

namespace Hookway.Benchmarks;

/// <summary>One keep-alive connection to the server under test: sends prepared bytes and reads the answer, without an allocation for each request.</summary>
public sealed class LoadClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[32 * 1024];

    /// <summary>A connection to a port of this machine.</summary>
    /// <exception cref="SocketException">Nothing listens there.</exception>
    public static async Task<LoadClient> Connect(int port)
    {
        var client = new LoadClient();
        try
        {
            await client._socket.ConnectAsync(IPAddress.Loopback, port);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public static async Task<LoadClient[]> ConnectMany(SendTarget target, int count)
    {
        int[] ports = [target.Port, .. target.MorePorts];
        return await Task.WhenAll(Enumerable.Range(0, count).Select(i => Connect(ports[i % ports.Length])));
    }

    /// <summary>Sends one request and waits for its answer, which stays valid until the next.</summary>
    /// <exception cref="IOException">The connection ended before the answer did.</exception>
    public async ValueTask<Answer> Send(ReadOnlyMemory<byte> request)
    {
        await _socket.SendAsync(request);
        for (var filled = 0; ;)
        {
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(filled));
            if (read == 0)
            {
                throw new IOException("The server closed the connection.");
            }
            filled += read;
            if (TryRead(filled) is { } answer)
            {
                return answer;
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private Answer? TryRead(int filled)
    {
        var message = _buffer.AsSpan(0, filled);
        if (HttpText.BodyStart(message) is not (> 0 and var start))
        {
            return null;
        }
        var head = message[..start];
        var status = HttpText.Number(head.Slice("HTTP/1.1 ".Length, 3));
        if (HttpText.Header(head, "transfer-encoding:"u8).Length == 0)
        {
            var length = HttpText.Number(HttpText.Header(head, "content-length:"u8));
            return filled < start + length ? null : new Answer(status, _buffer.AsMemory(start, length));
        }
        return HttpText.ChunkedLength(message[start..]) < 0 ? null : new Answer(status, _buffer.AsMemory(start, HttpText.Unchunk(message[start..])));
    }
}

/// <summary>An answer of the server.</summary>
public readonly record struct Answer(int Status, ReadOnlyMemory<byte> Body);
