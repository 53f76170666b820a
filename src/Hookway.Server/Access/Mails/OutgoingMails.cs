using System.Threading.Channels;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Hookway.Access.Mails;

/// <summary>
/// Sends mails behind the requests that ask for them, so that these neither wait for a mail server nor tell by their time whether there was one to send. What cannot be sent after a few
/// tries, and what still waits when the server stops, is dropped: whoever waits for it asks again.
/// </summary>
public sealed class OutgoingMails(SmtpOptions? options, TimeProvider clock, ILogger<OutgoingMails> log) : BackgroundService
{
    private const int MostWaiting = 256;
    private static readonly TimeSpan MostTimeForOne = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)];

    private readonly Channel<Func<Task<Mail?>>> _waiting = Channel.CreateBounded<Func<Task<Mail?>>>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    /// <summary>Where links in mails lead; null without a mail server, when links are shown to be copied.</summary>
    public string? PublicUrl => options?.PublicUrl;

    /// <summary>Has a mail sent soon; false when there is no mail server or too much waits already.</summary>
    public bool Send(Mail mail) => Send(() => Task.FromResult<Mail?>(mail));

    /// <summary>The same for a mail that is written when its turn comes; null for none.</summary>
    public bool Send(Func<Task<Mail?>> write) => options is not null && _waiting.Writer.TryWrite(write);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options is null)
        {
            return;
        }
        await foreach (var write in _waiting.Reader.ReadAllAsync(stoppingToken))
        {
            for (var attempt = 0; !await Try(options, write, isLast: attempt == Pauses.Length, stoppingToken); attempt++)
            {
                if (attempt == Pauses.Length)
                {
                    break;
                }
                await Task.Delay(Pauses[attempt], clock, stoppingToken);
            }
        }
    }

    private async Task<bool> Try(SmtpOptions to, Func<Task<Mail?>> write, bool isLast, CancellationToken stop)
    {
        try
        {
            if (await write() is { } mail)
            {
                await Deliver(to, mail, stop);
            }
            return true;
        }
        // Whatever goes wrong between here and a mail server, it is no reason for this one to stop.
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            if (isLast)
            {
                log.LogError("A mail could not be sent ({Kind}): {Reason}", e.GetType().Name, e.Message);
            }
            return false;
        }
    }

    private async Task Deliver(SmtpOptions to, Mail mail, CancellationToken stop)
    {
        using var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse(to.From));
        message.To.Add(new MailboxAddress("", mail.To));
        message.Subject = mail.Subject;
        message.Headers.Add("Auto-Submitted", "auto-generated");
        message.Body = new TextPart("plain") { Text = mail.Text };
        using var patience = new CancellationTokenSource(MostTimeForOne, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        // A certificate's list of revoked ones is somewhere else, where this server may be unable to go.
        using var client = new SmtpClient { CheckCertificateRevocation = false };
        await client.ConnectAsync(to.Host, to.Port, to.Security switch
        {
            SmtpSecurity.Tls => SecureSocketOptions.SslOnConnect,
            SmtpSecurity.StartTls => SecureSocketOptions.StartTls,
            _ => SecureSocketOptions.None,
        }, either.Token);
        if (to.User is not null)
        {
            await client.AuthenticateAsync(to.User, to.Password ?? "", either.Token);
        }
        await client.SendAsync(message, either.Token);
        try
        {
            await client.DisconnectAsync(quit: true, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or CommandException or ProtocolException)
        {
            // It has been taken: another would be one too many.
        }
    }
}
