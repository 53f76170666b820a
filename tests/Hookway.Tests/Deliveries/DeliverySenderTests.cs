using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hookway.Deliveries;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

public class DeliverySenderTests
{
    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("127.0.0.0/8")];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_arrives_as_it_was_given()
    {
        await using var receiver = await ReceiverStub.Start();
        using var sender = Sender();

        var result = await sender.Send(
            Request(receiver.Url, "{\"a\":1}", ("Content-Type", "application/json"), ("User-Agent", "Hookway/1"), ("webhook-id", "msg_1"), ("X-Name", "Zoë")), Cancel);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
        result.ResponseStatus.ShouldBe(200);
        result.Detail.ShouldBeNull();
        var request = receiver.Requests.ShouldHaveSingleItem();
        request.Method.ShouldBe("POST");
        request.Path.ShouldBe("/hook");
        Encoding.UTF8.GetString(request.Body).ShouldBe("{\"a\":1}");
        request.Headers["content-type"].ShouldBe("application/json");
        request.Headers["user-agent"].ShouldBe("Hookway/1");
        request.Headers["webhook-id"].ShouldBe("msg_1");
        request.Headers["x-name"].ShouldBe("Zoë");
        request.Headers["content-length"].ShouldBe("7");
        request.Headers.Keys.ShouldBe(["Content-Length", "Content-Type", "Host", "User-Agent", "webhook-id", "X-Name"], ignoreOrder: true);
    }

    [Fact]
    public async Task Headers_that_frame_the_request_are_the_senders_own()
    {
        await using var receiver = await ReceiverStub.Start();
        using var sender = Sender();

        var result = await sender.Send(
            Request(receiver.Url, "four", ("Content-Length", "1"), ("transfer-encoding", "chunked"), ("Host", "elsewhere.example"), ("Expect", "100-continue")), Cancel);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
        var request = receiver.Requests.ShouldHaveSingleItem();
        request.Body.Length.ShouldBe(4);
        request.Headers["host"].ShouldBe(receiver.Url.Authority);
        request.Headers.Keys.ShouldNotContain("Transfer-Encoding");
        request.Headers.Keys.ShouldNotContain("Expect");
    }

    [Theory]
    [InlineData("X-Split", "a\r\nX-Injected: b")]
    [InlineData("X-Null", "a\0b")]
    [InlineData("Not a name", "a")]
    [InlineData("", "a")]
    public async Task A_header_that_would_break_the_request_is_not_sent(string name, string value)
    {
        await using var receiver = await ReceiverStub.Start();
        using var sender = Sender();

        (await sender.Send(Request(receiver.Url, "x", (name, value)), Cancel)).Outcome.ShouldBe(AttemptOutcome.InvalidRequest);
        receiver.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://xn--\u00fc/")]
    [InlineData("http://\u00fcaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/")]
    public async Task A_url_that_no_request_can_carry_is_not_sent(string url)
    {
        using var sender = Sender();

        (await sender.Send(Request(new Uri(url)), Cancel)).Outcome.ShouldBe(AttemptOutcome.InvalidRequest);
    }

    [Theory]
    [InlineData(200, AttemptOutcome.Succeeded)]
    [InlineData(204, AttemptOutcome.Succeeded)]
    [InlineData(299, AttemptOutcome.Succeeded)]
    [InlineData(300, AttemptOutcome.HttpStatus)]
    [InlineData(304, AttemptOutcome.HttpStatus)]
    [InlineData(401, AttemptOutcome.HttpStatus)]
    [InlineData(407, AttemptOutcome.HttpStatus)]
    [InlineData(500, AttemptOutcome.HttpStatus)]
    [InlineData(599, AttemptOutcome.HttpStatus)]
    public async Task The_status_decides(int status, AttemptOutcome outcome)
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(status);
        using var sender = Sender();

        var result = await sender.Send(Request(receiver.Url), Cancel);

        result.Outcome.ShouldBe(outcome);
        result.ResponseStatus.ShouldBe(status);
        receiver.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_a_failure_and_its_target_sees_nothing(int status)
    {
        await using var target = await ReceiverStub.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = target.Url.ToString();
            return Task.CompletedTask;
        });
        using var sender = Sender();

        var result = await sender.Send(Request(receiver.Url), Cancel);

        result.Outcome.ShouldBe(AttemptOutcome.HttpStatus);
        result.Detail.ShouldBe($"The receiver answered {status}; redirects are not followed.");
        target.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Cookies_are_not_kept()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.Headers.SetCookie = "id=1";
            return Task.CompletedTask;
        });
        using var sender = Sender();

        await sender.Send(Request(receiver.Url), Cancel);
        await sender.Send(Request(receiver.Url), Cancel);

        receiver.Requests.ShouldAllBe(request => !request.Headers.ContainsKey("Cookie"));
    }

    [Fact]
    public async Task A_connection_whose_response_ended_serves_the_next_request()
    {
        await using var receiver = await ReceiverStub.Start();
        var ports = new HashSet<int>();
        receiver.Respond(async (_, context) =>
        {
            ports.Add(context.Connection.RemotePort);
            await context.Response.WriteAsync(new string('x', 40_000), Cancel);
        });
        using var sender = Sender();

        for (var i = 0; i < 5; i++)
        {
            (await sender.Send(Request(receiver.Url), Cancel)).ResponseBody.Length.ShouldBe(16 * 1024);
        }

        ports.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_first_of_the_response_is_kept_with_its_headers()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond(async (_, context) =>
        {
            context.Response.Headers["X-Trace"] = new(["one", "two"]);
            context.Response.ContentType = "text/plain";
            await context.Response.WriteAsync("all is well", Cancel);
        });
        using var sender = Sender();

        var result = await sender.Send(Request(receiver.Url), Cancel);

        Encoding.UTF8.GetString(result.ResponseBody).ShouldBe("all is well");
        result.ResponseHeaders.Where(header => header.Key == "X-Trace").Select(header => header.Value).ShouldBe(["one", "two"]);
        result.ResponseHeaders.ShouldContain(new KeyValuePair<string, string>("Content-Type", "text/plain"));
    }

    public static TheoryData<int, string, double?> RetryAfters => new()
    {
        { 429, "120", 120 },
        { 503, " 7 ", 7 },
        { 429, "0", 0 },
        { 429, "86401", 86400 },
        { 503, "99999999999999999999999999", 86400 },
        { 503, "4294967295", 86400 },
        { 429, "-5", null },
        { 429, "1.5", null },
        { 429, "+5", null },
        { 429, "soon", null },
        { 429, "", null },
        { 429, "Mon, 02 Mar 2026 10:01:00 GMT", 60 },
        { 429, "Monday, 02-Mar-26 10:01:00 GMT", 60 },
        { 429, "Mon Mar  2 10:01:00 2026", 60 },
        { 503, "Mon, 02 Mar 2026 09:00:00 GMT", 0 },
        { 503, "Fri, 31 Dec 9999 23:59:59 GMT", 86400 },
        { 503, "Mon, 30 Feb 2026 10:01:00 GMT", null },
        { 500, "120", null },
        { 200, "120", null },
        { 301, "120", null },
    };

    [Theory]
    [MemberData(nameof(RetryAfters))]
    public async Task Retry_After_is_honoured_within_bounds(int status, string value, double? seconds)
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = value;
            return Task.CompletedTask;
        });
        var clock = new FakeTimeProvider(DateTimeOffset.Parse("2026-03-02T10:00:00Z", CultureInfo.InvariantCulture));
        using var sender = Sender(clock: clock);

        var result = await sender.Send(Request(receiver.Url), Cancel);

        (result.RetryAfter?.TotalSeconds).ShouldBe(seconds);
    }

    [Theory]
    [InlineData(410, null, ResponseDirective.DisableTarget)]
    [InlineData(410, "abort-message", ResponseDirective.DisableTarget)]
    [InlineData(500, "abort-message", ResponseDirective.AbortMessage)]
    [InlineData(500, " Abort-Message ", ResponseDirective.AbortMessage)]
    [InlineData(400, "disable", ResponseDirective.DisableTarget)]
    [InlineData(200, "disable", ResponseDirective.DisableTarget)]
    [InlineData(500, "explode", ResponseDirective.None)]
    [InlineData(500, "", ResponseDirective.None)]
    [InlineData(500, null, ResponseDirective.None)]
    public async Task A_receiver_may_ask_for_more_than_a_retry(int status, string? header, ResponseDirective directive)
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers["Webhook-Delivery"] = header;
            return Task.CompletedTask;
        });
        using var sender = Sender();

        (await sender.Send(Request(receiver.Url), Cancel)).Directive.ShouldBe(directive);
    }

    [Fact]
    public async Task A_blocked_address_is_not_connected_to()
    {
        await using var receiver = RawReceiver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        using var sender = Sender(new AddressGuard([], resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback, IPAddress.Parse("10.0.0.1")])));

        foreach (var host in new[] { "127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "internal.example" })
        {
            var result = await sender.Send(Request(new Uri($"http://{host}:{receiver.Port}/hook")), Cancel);
            result.Outcome.ShouldBe(AttemptOutcome.BlockedAddress, host);
            result.Detail.ShouldNotBeNull().ShouldContain("is a loopback address");
        }

        receiver.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task Of_two_answers_only_the_allowed_one_is_called()
    {
        await using var receiver = await ReceiverStub.Start();
        using var sender = Sender(new AddressGuard(Loopback, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.1"), IPAddress.Loopback])));

        (await sender.Send(Request(Named("two.example", receiver.Url.Port)), Cancel)).Outcome.ShouldBe(AttemptOutcome.Succeeded);
        receiver.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_name_that_moves_to_a_private_address_after_it_was_accepted_is_blocked()
    {
        await using var receiver = RawReceiver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        var answers = new Queue<IPAddress>([IPAddress.Parse("93.184.216.34"), IPAddress.Loopback]);
        var guard = new AddressGuard([], resolve: (_, _) => Task.FromResult<IPAddress[]>([answers.Dequeue()]));
        using var sender = Sender(guard);
        var url = Named("rebinding.example", receiver.Port);

        (await guard.Refusal(url, Cancel)).ShouldBeNull();
        (await sender.Send(Request(url), Cancel)).Outcome.ShouldBe(AttemptOutcome.BlockedAddress);

        receiver.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task The_next_address_is_tried_when_one_refuses()
    {
        await using var receiver = await ReceiverStub.Start();
        // Nothing listens on the other loopback address: the receiver has bound 127.0.0.1 alone.
        using var sender = Sender(new AddressGuard(Loopback, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.9"), IPAddress.Loopback])));

        (await sender.Send(Request(Named("two.example", receiver.Url.Port)), Cancel)).Outcome.ShouldBe(AttemptOutcome.Succeeded);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_a_dns_failure()
    {
        Func<string, CancellationToken, Task<IPAddress[]>>[] resolvers =
        [
            (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)),
            (_, _) => throw new SocketException((int)SocketError.TryAgain),
            (_, _) => throw new ArgumentException("too long"),
            (_, _) => Task.FromResult<IPAddress[]>([]),
            (_, _) => new TaskCompletionSource<IPAddress[]>().Task,
        ];
        foreach (var resolve in resolvers)
        {
            using var sender = Sender(new AddressGuard(Loopback, resolve: resolve), new SenderOptions { DnsTimeout = TimeSpan.FromMilliseconds(100) });
            var result = await sender.Send(Request(Named("missing.example", 80)), Cancel);
            result.Outcome.ShouldBe(AttemptOutcome.Dns);
            result.Detail.ShouldNotBeNull().ShouldContain("missing.example");
        }
    }

    [Fact]
    public async Task A_port_where_nothing_listens_refuses_the_connection()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        using var sender = Sender();

        (await sender.Send(Request(new Uri($"http://127.0.0.1:{port}/")), Cancel)).Outcome.ShouldBe(AttemptOutcome.ConnectionRefused);
    }

    [Fact]
    public async Task The_timeout_follows_the_clock_it_is_given()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Hang());
        var clock = new FakeTimeProvider();
        using var sender = Sender(options: new SenderOptions { Timeout = TimeSpan.FromHours(1) }, clock: clock);

        var sending = sender.Send(Request(receiver.Url), Cancel);
        while (receiver.Connections == 0)
        {
            await Task.Delay(5, Cancel);
        }

        clock.Advance(TimeSpan.FromMinutes(59));
        sending.IsCompleted.ShouldBeFalse();
        clock.Advance(TimeSpan.FromMinutes(1));

        var result = await sending;
        result.Outcome.ShouldBe(AttemptOutcome.Timeout);
        result.Duration.ShouldBe(TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task A_caller_that_cancels_is_told_so()
    {
        await using var receiver = RawReceiver.Play(connection => connection.Hang());
        using var sender = Sender();
        using var stop = new CancellationTokenSource();

        var sending = sender.Send(Request(receiver.Url), stop.Token);
        await stop.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => sending);
    }

    [Fact]
    public async Task A_status_that_came_is_not_lost_when_the_caller_cancels()
    {
        using var stop = new CancellationTokenSource();
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            await connection.Hang();
        });
        using var sender = Sender(options: new SenderOptions { Timeout = TimeSpan.FromMinutes(2), BodyTimeout = TimeSpan.FromMinutes(1) });

        stop.CancelAfter(TimeSpan.FromSeconds(2));
        var result = await sender.Send(Request(receiver.Url), stop.Token);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
    }

    [Fact]
    public void Every_outcome_has_a_code_that_reads_back_and_a_sentence()
    {
        foreach (var outcome in Enum.GetValues<AttemptOutcome>())
        {
            AttemptOutcomes.FromCode(outcome.Code()).ShouldBe(outcome);
            outcome.Sentence().ShouldEndWith(".");
        }

        AttemptOutcomes.FromCode("no_such_code").ShouldBeNull();
        Enum.GetValues<AttemptOutcome>().Select(outcome => outcome.Code()).ShouldBe(
        [
            null, "http_status", "timeout", "connection_refused", "connection_failed", "dns", "tls", "blocked_address", "invalid_response", "invalid_request",
            "transform_failed", "routing_key_missing", "event_type_not_published", "schema_mismatch", "message_refused",
        ]);
    }

    private static DeliverySender Sender(AddressGuard? guard = null, SenderOptions? options = null, TimeProvider? clock = null) =>
        new(guard ?? new AddressGuard(Loopback), options ?? new SenderOptions(), clock ?? TimeProvider.System);

    private static Uri Named(string host, int port) => new($"http://{host}:{port}/hook");

    private static DeliveryRequest Request(Uri url, string body = "{}", params (string Name, string Value)[] headers) =>
        new(HttpMethod.Post, url, [.. headers.Select(header => KeyValuePair.Create(header.Name, header.Value))], Encoding.UTF8.GetBytes(body));
}
