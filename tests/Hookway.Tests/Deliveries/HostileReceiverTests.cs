using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CsCheck;
using Hookway.Deliveries;
using Hookway.Tests.Support;

namespace Hookway.Tests.Deliveries;

public class HostileReceiverTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    // Proves that nothing hangs, with room for a machine that is busy.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_success_whose_body_never_ends_is_a_success()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send(Ok + "\r\n");
            while (true)
            {
                await connection.Send(new string('x', 8192));
            }
        });

        var result = await Send(receiver.Url);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
        result.ResponseBody.Length.ShouldBe(16 * 1024);
    }

    [Fact]
    public async Task A_body_that_trickles_is_abandoned_and_the_status_counts()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send("HTTP/1.1 500 Slow\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (true)
            {
                await connection.Send("1\r\nx\r\n");
                await Task.Delay(TimeSpan.FromMilliseconds(50), connection.Ended);
            }
        });

        var result = await Send(receiver.Url, bodyMilliseconds: 300);

        result.Outcome.ShouldBe(AttemptOutcome.HttpStatus);
        result.ResponseStatus.ShouldBe(500);
        result.Detail.ShouldBe("The status came, but the response body did not end in time.");
    }

    [Fact]
    public async Task Headers_that_trickle_a_byte_a_second_run_into_the_timeout()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            foreach (var character in Ok + "X-Padding: " + new string('x', 1000))
            {
                await connection.Send(character.ToString());
                await Task.Delay(TimeSpan.FromSeconds(1), connection.Ended);
            }
        });

        (await Send(receiver.Url, milliseconds: 1500)).Outcome.ShouldBe(AttemptOutcome.Timeout);
    }

    [Theory]
    [InlineData("X-Long: ")]
    [InlineData("")]
    public async Task A_header_of_a_gibibyte_is_refused_early(string start)
    {
        var sent = 0L;
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send(Ok + start);
            for (; sent < 1L << 30; sent += 65536)
            {
                await connection.Send(new string('x', 65536));
            }
        });

        (await Send(receiver.Url)).Outcome.ShouldBe(AttemptOutcome.InvalidResponse);
        sent.ShouldBeLessThan(64L << 20);
    }

    [Fact]
    public async Task A_huge_header_block_is_refused()
    {
        await using var receiver = RawReceiver.Answer(Ok + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"X-{i}: {i}\r\n")) + "\r\n");

        var result = await Send(receiver.Url);

        result.Outcome.ShouldBe(AttemptOutcome.InvalidResponse);
        result.Detail.ShouldBe("The response headers are larger than 64 KiB.");
    }

    [Fact]
    public async Task Many_headers_are_kept_in_part()
    {
        await using var many = RawReceiver.Answer(Ok + string.Concat(Enumerable.Range(0, 1000).Select(i => $"X-{i}: {i}\r\n")) + "Content-Length: 0\r\n\r\n");
        await using var large = RawReceiver.Answer(Ok + string.Concat(Enumerable.Range(0, 9).Select(i => $"X-{i}: {new string('x', 5000)}\r\n")) + "Content-Length: 0\r\n\r\n");

        (await Send(many.Url)).ResponseHeaders.Count.ShouldBe(100);
        (await Send(large.Url)).ResponseHeaders.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Control_characters_of_a_receiver_go_no_further()
    {
        await using var header = RawReceiver.Answer(Ok + "X-Odd: a\0b\x1b[2J\u009bc\r\nContent-Length: 0\r\n\r\n");
        await using var status = RawReceiver.Answer("SSH-2.0-\0\x1b[2J" + new string('x', 5000) + "\r\n\r\n");

        (await Send(header.Url)).ResponseHeaders.SelectMany(pair => pair.Value).Any(char.IsControl).ShouldBeFalse();
        var detail = (await Send(status.Url)).Detail.ShouldNotBeNull();
        detail.Any(char.IsControl).ShouldBeFalse();
        detail.Length.ShouldBeLessThanOrEqualTo(300);
    }

    [Theory]
    [InlineData("nonsense\r\n")]
    [InlineData("FFFFFFFFFFFFFFFFFF\r\n")]
    [InlineData("-1\r\nx")]
    [InlineData("5\r\nhelloXX3\r\n")]
    public async Task Invalid_chunking_does_not_undo_the_status(string body)
    {
        await using var receiver = RawReceiver.Answer(Ok + "Transfer-Encoding: chunked\r\n\r\n" + body);

        var result = await Send(receiver.Url);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
        result.Detail.ShouldBe("The status came, but the response body was cut off or badly framed.");
    }

    public static TheoryData<string, AttemptOutcome> Stages => new()
    {
        { "", AttemptOutcome.ConnectionFailed },
        { "HTTP/1.1 20", AttemptOutcome.ConnectionFailed },
        { Ok + "Content-Le", AttemptOutcome.ConnectionFailed },
        { Ok + "Content-Length: 10\r\n", AttemptOutcome.ConnectionFailed },
        { Ok + "Content-Length: 10\r\n\r\nhalf", AttemptOutcome.Succeeded },
        { Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", AttemptOutcome.Succeeded },
        { "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nhalf", AttemptOutcome.HttpStatus },
    };

    [Theory]
    [MemberData(nameof(Stages))]
    public async Task A_connection_closed_at_any_stage_is_told_by_what_came(string sent, AttemptOutcome outcome)
    {
        await using var receiver = RawReceiver.Answer(sent);

        (await Send(receiver.Url)).Outcome.ShouldBe(outcome);
    }

    [Theory]
    [MemberData(nameof(Stages))]
    public async Task A_connection_reset_at_any_stage_is_told_by_what_came(string sent, AttemptOutcome outcome)
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send(sent);
            // A reset throws away what the sender has not read yet, so a status that counts needs time to be read.
            await Task.Delay(outcome == AttemptOutcome.ConnectionFailed ? 0 : 1000, connection.Ended);
            connection.Reset();
        });

        (await Send(receiver.Url)).Outcome.ShouldBe(outcome);
    }

    [Fact]
    public async Task A_connection_reset_at_once_is_a_failed_connection()
    {
        await using var receiver = RawReceiver.Play(connection =>
        {
            connection.Reset();
            return Task.CompletedTask;
        });

        (await Send(receiver.Url)).Outcome.ShouldBe(AttemptOutcome.ConnectionFailed);
    }

    [Fact]
    public async Task A_receiver_that_never_accepts_runs_into_the_timeout()
    {
        using var deaf = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        deaf.Start(1);

        (await Send(new Uri($"http://127.0.0.1:{((IPEndPoint)deaf.LocalEndpoint).Port}/"), milliseconds: 300)).Outcome.ShouldBe(AttemptOutcome.Timeout);
    }

    [Fact]
    public async Task A_receiver_that_never_answers_runs_into_the_timeout()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Hang());

        var result = await Send(receiver.Url, milliseconds: 300);

        result.Outcome.ShouldBe(AttemptOutcome.Timeout);
        result.Detail.ShouldBe("No answer came within 0.3 s.");
    }

    [Fact]
    public async Task A_receiver_that_never_reads_a_large_request_runs_into_the_timeout()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Hang());

        (await Send(receiver.Url, milliseconds: 500, body: new byte[32 << 20])).Outcome.ShouldBe(AttemptOutcome.Timeout);
    }

    [Theory]
    [InlineData("hello, this is HTTP/0.9\n\n")]
    [InlineData("\r\n\r\n\r\n\r\n\r\n")]
    [InlineData("HTTP/1.1 99999 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 abc OK\r\n\r\n")]
    [InlineData("HTTP/2.0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n: no name\r\n\r\n")]
    public async Task What_is_not_HTTP_is_an_invalid_response(string sent)
    {
        await using var receiver = RawReceiver.Answer(sent);

        (await Send(receiver.Url)).Outcome.ShouldBe(AttemptOutcome.InvalidResponse);
    }

    [Fact]
    public async Task Interim_responses_are_passed_over()
    {
        await using var receiver = RawReceiver.Answer(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");

        (await Send(receiver.Url)).ResponseStatus.ShouldBe(202);
    }

    [Fact]
    public async Task Interim_responses_without_end_are_refused()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            while (true)
            {
                await connection.Send("HTTP/1.1 102 Processing\r\n\r\n");
            }
        });

        (await Send(receiver.Url)).Outcome.ShouldBe(AttemptOutcome.InvalidResponse);
    }

    [Fact]
    public async Task A_switch_of_protocols_is_a_failure_and_is_not_waited_for()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
            await connection.Hang();
        });

        var result = await Send(receiver.Url, bodyMilliseconds: 600_000);

        result.Outcome.ShouldBe(AttemptOutcome.HttpStatus);
        result.ResponseStatus.ShouldBe(101);
    }

    [Fact]
    public async Task An_answer_before_the_request_was_read_counts()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.Send(Ok + "Content-Length: 0\r\nConnection: close\r\n\r\n");
            await connection.Hang();
        });

        (await Send(receiver.Url)).Outcome.ShouldBe(AttemptOutcome.Succeeded);
    }

    [Fact]
    public async Task Https_to_a_plain_port_is_a_tls_failure()
    {
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.Stream.ReadExactlyAsync(new byte[5], connection.Ended);
            await connection.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            await connection.Hang();
        });

        (await Send(Secure(receiver))).Outcome.ShouldBe(AttemptOutcome.Tls);
    }

    [Fact]
    public async Task A_connection_closed_during_the_handshake_is_a_tls_failure()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Stream.ReadExactlyAsync(new byte[5], connection.Ended).AsTask());

        (await Send(Secure(receiver))).Outcome.ShouldBe(AttemptOutcome.Tls);
    }

    [Fact]
    public async Task A_handshake_that_never_ends_runs_into_the_timeout()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Hang());

        (await Send(Secure(receiver), milliseconds: 500)).Outcome.ShouldBe(AttemptOutcome.Timeout);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_a_tls_failure()
    {
        using var key = RSA.Create(2048);
        using var certificate = Leaf(key).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var receiver = Tls(certificate);

        var result = await Send(Secure(receiver));

        result.Outcome.ShouldBe(AttemptOutcome.Tls);
        result.Detail.ShouldNotBeNull().ShouldContain("certificate");
    }

    [Fact]
    public async Task The_issuer_that_a_certificate_points_to_is_not_fetched()
    {
        await using var issuer = RawReceiver.Answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        using var authorityKey = RSA.Create(2048);
        using var key = RSA.Create(2048);
        using var authority = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
        var request = Leaf(key);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [issuer.Url.ToString()]));
        using var signed = request.Create(
            authority.SubjectName, X509SignatureGenerator.CreateForRSA(authorityKey, RSASignaturePadding.Pkcs1), DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1, 2, 3]);
        using var certificate = signed.CopyWithPrivateKey(key);
        await using var receiver = Tls(certificate);

        (await Send(Secure(receiver))).Outcome.ShouldBe(AttemptOutcome.Tls);
        receiver.Connections.ShouldBe(1);
        issuer.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task Nothing_that_a_receiver_says_makes_the_sender_throw()
    {
        string[] words = ["HTTP/1.1 ", "HTTP/1.0 ", "200", "503", " OK", "\r\n", "\n", "\r", ":", " ", "\0", "Retry-After", "Content-Length", "Transfer-Encoding", "chunked",
            "gzip", "Content-Type", "Location", "-1", "99999999999999999999", "webhook-delivery", "ÿ", "{}", "0\r\n\r\n", "Set-Cookie", "Connection", "Upgrade", "101", "100", "1"];
        var responses = Gen.OneOf(words.Select(Gen.Const).ToArray()).Array[0, 24].Select(some => string.Concat(some)).Select(text => text.Length % 3 == 0 ? text : Ok + text);
        var script = "";
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send(script);
        });

        await responses.SampleAsync(
            async text =>
            {
                script = text;
                await Send(receiver.Url);
            },
            iter: 400,
            threads: 1,
            print: text => Convert.ToBase64String(Encoding.Latin1.GetBytes(text)));
    }

    private static async Task<AttemptResult> Send(Uri url, int milliseconds = 10_000, int bodyMilliseconds = 1000, ReadOnlyMemory<byte>? body = null)
    {
        var options = new SenderOptions { Timeout = TimeSpan.FromMilliseconds(milliseconds), BodyTimeout = TimeSpan.FromMilliseconds(bodyMilliseconds) };
        using var sender = new DeliverySender(new AddressGuard([IPNetwork.Parse("127.0.0.0/8")]), options, TimeProvider.System);
        var request = new DeliveryRequest(HttpMethod.Post, url, [KeyValuePair.Create("content-type", "application/json")], body ?? "{}"u8.ToArray());
        return await sender.Send(request, Cancel).WaitAsync(Soon, Cancel);
    }

    private static Uri Secure(RawReceiver receiver) => new($"https://127.0.0.1:{receiver.Port}/hook");

    private static CertificateRequest Leaf(RSA key)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var request = new CertificateRequest("CN=receiver", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private static RawReceiver Tls(X509Certificate2 certificate) => RawReceiver.Play(async connection =>
    {
        await using var secure = new SslStream(connection.Stream);
        // Offline: a server would look for its own issuers too, and a test would take that for the sender's doing.
        var own = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = own }, connection.Ended);
        await secure.WriteAsync(Encoding.Latin1.GetBytes(Ok + "Content-Length: 0\r\n\r\n"), connection.Ended);
    });
}
