using System.Net;
using System.Text;
using Hookway.Deliveries;
using Hookway.Hosting;
using Hookway.Tests.Support;

namespace Hookway.Tests.Deliveries;

/// <summary>Deliveries through the operator's own proxy.</summary>
public class DeliveryProxyTests
{
    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("127.0.0.0/8")];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("hookway:p:ss")]
    public async Task Requests_go_through_the_proxy_as_they_would_without_it(string? credentials)
    {
        await using var receiver = await ReceiverStub.Start();
        await using var proxy = new ForwardProxy(credentials);
        using var sender = Sender(new AddressGuard(Loopback), With(proxy.Address, credentials is null ? "" : "hookway:p%3Ass@"));

        var result = await sender.Send(Request(receiver.Url), Cancel);

        result.Outcome.ShouldBe(AttemptOutcome.Succeeded);
        proxy.Requests.ShouldBe([$"POST {receiver.Url} HTTP/1.1"]);
        var request = receiver.Requests.ShouldHaveSingleItem();
        Encoding.UTF8.GetString(request.Body).ShouldBe("{\"a\":1}");
        request.Headers["webhook-id"].ShouldBe("msg_1");
        request.Headers.Keys.ShouldNotContain("Proxy-Authorization");
    }

    [Fact]
    public async Task To_https_a_tunnel_is_opened_in_which_the_receiver_itself_is_spoken_to()
    {
        // It speaks no TLS, which nobody would notice before the tunnel is there.
        await using var receiver = await ReceiverStub.Start();
        await using var proxy = new ForwardProxy();
        using var sender = Sender(new AddressGuard(Loopback), proxy.Address);

        var result = await sender.Send(Request(new UriBuilder(receiver.Url) { Scheme = "https" }.Uri), Cancel);

        result.Outcome.ShouldBe(AttemptOutcome.Tls);
        proxy.Requests.ShouldBe([$"CONNECT {receiver.Url.Authority} HTTP/1.1"]);
        receiver.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("127.0.0.1", "203.0.113.9")]
    [InlineData("receiver.example", "10.0.0.1")]
    [InlineData("receiver.example", "93.184.215.14,10.0.0.1")]
    [InlineData("receiver.example", "93.184.215.14,::ffff:169.254.169.254")]
    public async Task The_proxy_is_not_asked_for_what_may_not_be_called(string host, string answers)
    {
        await using var proxy = new ForwardProxy();
        var guard = new AddressGuard([], resolve: (_, _) => Task.FromResult(answers.Split(',').Select(IPAddress.Parse).ToArray()));
        using var sender = Sender(guard, proxy.Address);

        (await sender.Send(Request(new Uri($"http://{host}/hook")), Cancel)).Outcome.ShouldBe(AttemptOutcome.BlockedAddress);
        (await sender.Send(Request(new Uri($"https://{host}/hook")), Cancel)).Outcome.ShouldBe(AttemptOutcome.BlockedAddress);

        proxy.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_or_refuses_is_told_of_without_its_address()
    {
        await using var receiver = await ReceiverStub.Start();
        var proxy = new ForwardProxy();
        using var sender = Sender(new AddressGuard(Loopback), proxy.Address);
        await proxy.DisposeAsync();
        var gone = await sender.Send(Request(receiver.Url), Cancel);
        gone.Outcome.ShouldBe(AttemptOutcome.ConnectionFailed);
        gone.Detail.ShouldBe("The server's own proxy cannot be reached.");

        await using var strict = new ForwardProxy("user:password");
        using var stranger = Sender(new AddressGuard(Loopback), strict.Address);
        var refused = await stranger.Send(Request(new UriBuilder(receiver.Url) { Scheme = "https" }.Uri), Cancel);
        refused.Outcome.ShouldBe(AttemptOutcome.ConnectionFailed);
        refused.Detail.ShouldBe("The server's own proxy did not open the way to the receiver.");
        receiver.Count.ShouldBe(0);
    }

    [Fact]
    public async Task The_setting_sends_every_delivery_of_a_server_through_it()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var proxy = new ForwardProxy();
        await using var server = await TestServer.Start(new() { ["Hookway:Deliveries:Proxy"] = proxy.Address.AbsoluteUri });
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        proxy.Requests.ShouldBe([$"POST {receiver.Url} HTTP/1.1"]);
    }

    [Theory]
    [InlineData("proxy:3128")]
    [InlineData("https://proxy:3128")]
    [InlineData("socks5://proxy:1080")]
    [InlineData("http://proxy:3128/path")]
    public void What_is_no_proxy_stops_the_start(string value) =>
        Should.Throw<SettingsException>(() => ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection([new("Hookway:Deliveries:Proxy", value)]).Build()))
            .Message.ShouldStartWith("Hookway:Deliveries:Proxy must be http://host:port");

    private static Uri With(Uri proxy, string credentials) => new($"http://{credentials}{proxy.Authority}");

    private static DeliverySender Sender(AddressGuard guard, Uri proxy) => new(guard, new SenderOptions { Proxy = proxy }, TimeProvider.System);

    private static DeliveryRequest Request(Uri url) =>
        new(HttpMethod.Post, url, [new("Content-Type", "application/json"), new("webhook-id", "msg_1")], "{\"a\":1}"u8.ToArray());
}
