using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Hookway.Webhooks;

namespace Hookway.Benchmarks;

/// <summary>
/// What the endpoints point to: answers every request with 200 at once. It lives in the generator's process, so that both read one clock, and is as small as the
/// generator, so that it takes little of the cores that the server needs.
/// </summary>
public sealed class Receiver : IDisposable
{
    private const int OneInChecked = 100;
    private const int SecretCharacters = 32;
    private const string Hang = "/hang";
    private static readonly byte[] Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray();

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly WebhookVerifier _verifier;
    private readonly MessageLog _log;
    private int _checked;
    private int _wrong;

    /// <param name="log">Where every request is noted.</param>
    public Receiver(MessageLog log)
    {
        _log = log;
        PlainSecret = RandomNumberGenerator.GetHexString(SecretCharacters);
        Secret = "whsec_" + Convert.ToBase64String(Encoding.ASCII.GetBytes(PlainSecret));
        var secret = WebhookSecret.Parse(Secret);
        _verifier = new WebhookVerifier([secret]);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1_024);
        _ = Task.Run(AcceptAll);
    }

    /// <summary>The secret that every endpoint must sign with.</summary>
    public string Secret { get; }

    /// <summary>The same as the characters that are the key's bytes, for programs that take it so.</summary>
    public string PlainSecret { get; }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}/hook";

    /// <summary>Takes requests and never answers them.</summary>
    public string HangingUrl => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}{Hang}";

    /// <summary>Requests whose signature was checked: one in a hundred.</summary>
    public int SignaturesChecked => _checked;

    /// <summary>How many of those did not verify.</summary>
    public int SignaturesWrong => _wrong;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAll()
    {
        try
        {
            while (true)
            {
                _ = Serve(await _listener.AcceptAsync());
            }
        }
        catch (SocketException)
        {
            // The listener was disposed of: the normal end.
        }
        catch (ObjectDisposedException)
        {
            // Likewise.
        }
    }

    private async Task Serve(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            var buffer = new byte[16 * 1024];
            var filled = 0;
            var arrivedAt = 0L;
            try
            {
                while (await socket.ReceiveAsync(buffer.AsMemory(filled)) is > 0 and var read)
                {
                    arrivedAt = filled == 0 ? Stopwatch.GetTimestamp() : arrivedAt;
                    filled += read;
                    if (TryTake(buffer.AsSpan(0, filled), arrivedAt, out var answers))
                    {
                        filled = 0;
                        if (answers)
                        {
                            await socket.SendAsync(Answer);
                        }
                    }
                }
            }
            catch (SocketException)
            {
                // The sender hung up; what it missed it repeats.
            }
        }
    }

    private bool TryTake(ReadOnlySpan<byte> message, long arrivedAt, out bool answers)
    {
        answers = !message.StartsWith("POST /hang"u8);
        if (HttpText.BodyStart(message) is not (> 0 and var start))
        {
            return false;
        }
        var head = message[..start];
        var length = HttpText.Number(HttpText.Header(head, "content-length:"u8));
        if (message.Length < start + length)
        {
            return false;
        }
        var body = message.Slice(start, length);
        var number = MessageTemplate.NumberOf(body);
        _log.Received(number, MessageId.In(HttpText.Header(head, "webhook-id:"u8)), arrivedAt);
        if (number % OneInChecked == 0)
        {
            Check(head, body);
        }
        return true;
    }

    private void Check(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var verdict = _verifier.Verify(
            Encoding.ASCII.GetString(HttpText.Header(head, "webhook-id:"u8)),
            Encoding.ASCII.GetString(HttpText.Header(head, "webhook-timestamp:"u8)),
            Encoding.ASCII.GetString(HttpText.Header(head, "webhook-signature:"u8)),
            body);
        Interlocked.Increment(ref _checked);
        if (!verdict.IsVerified)
        {
            Interlocked.Increment(ref _wrong);
        }
    }
}
