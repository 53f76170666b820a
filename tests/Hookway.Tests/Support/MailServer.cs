using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hookway.Tests.Support;

/// <summary>A mail server on loopback that speaks as much SMTP as a client needs to hand over mails, and keeps them.</summary>
public sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();

    public MailServer()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = Accept();
    }

    public int Port { get; }

    /// <summary>How many of the next connections are turned away, as a server does that is busy.</summary>
    public int Busy { get; set; }

    /// <summary>How often somebody came.</summary>
    public int Connections { get; private set; }

    public ConcurrentQueue<ReceivedMail> Mails { get; } = new();

    public Dictionary<string, string?> Settings => new()
    {
        ["Hookway:PublicUrl"] = "http://hooks.example.com",
        ["Hookway:Smtp:Host"] = "127.0.0.1",
        ["Hookway:Smtp:Port"] = $"{Port}",
        ["Hookway:Smtp:Security"] = "none",
        ["Hookway:Smtp:From"] = "Hookway <hookway@example.com>",
    };

    /// <summary>Waits for the mail with this number, from 1 on.</summary>
    public async Task<ReceivedMail> WaitFor(int number)
    {
        await TestServer.Until(() => Mails.Count >= number);
        return Mails.ElementAt(number - 1);
    }

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
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Connections++;
                try
                {
                    await Serve(client.GetStream());
                }
                catch (IOException)
                {
                    // The client may go when it wants.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The end of the test.
        }
    }

    private async Task Serve(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true };
        if (Busy > 0)
        {
            Busy--;
            await writer.WriteLineAsync("421 busy");
            return;
        }
        await writer.WriteLineAsync("220 mail.example.com ESMTP");
        var (login, from, to) = ((string?)null, "", "");
        var taken = new List<ReceivedMail>();
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            switch (line.Split(' ')[0].ToUpperInvariant())
            {
                case "EHLO":
                    await writer.WriteLineAsync("250-mail.example.com\r\n250-AUTH PLAIN\r\n250 8BITMIME");
                    break;
                case "AUTH":
                    login = Encoding.UTF8.GetString(Convert.FromBase64String(line.Split(' ')[2])).Replace('\0', ':');
                    await writer.WriteLineAsync("235 welcome");
                    break;
                case "MAIL":
                    from = line;
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "RCPT":
                    to = line;
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "DATA":
                    await writer.WriteLineAsync("354 go on");
                    var data = new StringBuilder();
                    while (await reader.ReadLineAsync(_stop.Token) is { } text && text != ".")
                    {
                        data.Append(text).Append('\n');
                    }
                    taken.Add(new ReceivedMail(login, from, to, data.ToString()));
                    await writer.WriteLineAsync("250 taken");
                    break;
                case "QUIT":
                    // Now the sender is done with them, whatever a test does to its clock.
                    taken.ForEach(Mails.Enqueue);
                    await writer.WriteLineAsync("221 bye");
                    return;
                default:
                    await writer.WriteLineAsync("502 what?");
                    break;
            }
        }
    }
}

/// <summary>A mail as it was handed over.</summary>
/// <param name="Login">As :user:password; null without one.</param>
/// <param name="From">The envelope's line.</param>
/// <param name="To">The envelope's line.</param>
/// <param name="Data">Headers and body as they came.</param>
public sealed record ReceivedMail(string? Login, string From, string To, string Data)
{
    /// <summary>Headers and body, with the lines that the encoding broke put together.</summary>
    public string Text => Data.Replace("=\n", "", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);

    /// <summary>The path of the link in it.</summary>
    public string LinkPath => new Uri(Text.Split('\n').Single(line => line.StartsWith("http", StringComparison.Ordinal)).Trim()).AbsolutePath;
}
