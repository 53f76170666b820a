using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Hosting;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

/// <summary>What is said of a request's sender is believed of proxies that the operator trusts, and of nobody else.</summary>
public class TrustedProxiesTests
{
    private static readonly (string, string?)[] Bob = [("name", "Bob"), ("password", PageClient.Password)];

    [Fact]
    public async Task A_trusted_proxy_says_who_sends_and_how_the_server_is_reached()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:TrustedProxies"] = "192.0.2.1, 127.0.0.1, 10.0.0.0/8" });

        var (address, cookie, url) = await JoinThrough(server, ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "hooks.example.com"));

        address.ShouldBe("203.0.113.9");
        cookie.ShouldContain("secure", Case.Insensitive);
        url.ShouldStartWith("https://hooks.example.com/join/");
    }

    [Theory]
    [InlineData("1.1.1.1, 203.0.113.9", "203.0.113.9")]
    [InlineData("203.0.113.9, 10.1.2.3", "203.0.113.9")]
    [InlineData("1.1.1.1, 203.0.113.9:4711, 10.1.2.3", "203.0.113.9")]
    [InlineData("1.1.1.1, [2001:db8::9]:4711, 10.1.2.3", "2001:db8::9")]
    [InlineData("1.1.1.1,2001:db8::9", "2001:db8::9")]
    [InlineData("203.0.113.9, ::ffff:10.1.2.3", "203.0.113.9")]
    [InlineData("203.0.113.9, nobody", "127.0.0.1")]
    [InlineData("10.1.2.3", "10.1.2.3")]
    [InlineData("", "127.0.0.1")]
    public async Task The_sender_is_the_nearest_that_is_no_trusted_proxy(string forwardedFor, string sender)
    {
        await using var server = await TestServer.Start(new() { ["Hookway:TrustedProxies"] = "127.0.0.1,10.0.0.0/8" });
        (await JoinThrough(server, ("X-Forwarded-For", forwardedFor))).Address.ShouldBe(sender);
    }

    [Theory]
    [InlineData("203.0.113.9, 10.1.2.3", "https, http", "hooks.example.com, inner", "https://hooks.example.com/")]
    [InlineData("1.1.1.1, 203.0.113.9, 10.1.2.3", "http, https", "evil.example, hooks.example.com", "https://hooks.example.com/")]
    [InlineData("203.0.113.9", "HTTPS", "hooks.example.com:8443", "https://hooks.example.com:8443/")]
    [InlineData("203.0.113.9", "gopher", "evil.example/path", "http://127.0.0.1:")]
    [InlineData("203.0.113.9", "https", "a@evil.example", "https://127.0.0.1:")]
    [InlineData("", "https", "hooks.example.com", "https://hooks.example.com/")]
    public async Task Scheme_and_host_are_what_a_trusted_proxy_wrote(string forwardedFor, string scheme, string host, string begins)
    {
        await using var server = await TestServer.Start(new() { ["Hookway:TrustedProxies"] = "127.0.0.1,10.0.0.0/8" });
        (await JoinThrough(server, ("X-Forwarded-For", forwardedFor), ("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host))).Url.ShouldStartWith(begins);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.0/8,192.0.2.1")]
    public async Task Nobody_else_is_believed(string trusted)
    {
        await using var server = await TestServer.Start(new() { ["Hookway:TrustedProxies"] = trusted });

        var (address, cookie, url) = await JoinThrough(server, ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"));

        address.ShouldBe("127.0.0.1");
        cookie.ShouldNotContain("secure", Case.Insensitive);
        url.ShouldStartWith(server.Address.AbsoluteUri);
    }

    [Theory]
    [InlineData("proxy.example.com")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.1,x")]
    public void What_is_no_address_stops_the_start(string value) =>
        Should.Throw<SettingsException>(() => ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection([new("Hookway:TrustedProxies", value)]).Build()))
            .Message.ShouldStartWith("Hookway:TrustedProxies must be addresses or CIDR ranges");

    /// <summary>Invites somebody and joins as them, both through a proxy that adds these headers.</summary>
    private static async Task<(string Address, string Cookie, string Url)> JoinThrough(TestServer server, params (string Name, string Value)[] headers)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var url = (await server.Request(HttpMethod.Post, "/api/v1/members/invitations", JsonContent.Create(new { email, role = Roles.Viewer }), TestServer.EverythingKey, headers)).Expect(201).Text("url");
        using var browser = new PageClient(server);
        var joined = (await browser.Post(new Uri(url).AbsolutePath, null, Bob, headers)).Expect(303);
        var user = (await server.Services.GetRequiredService<UserStore>().FindByEmail(email))!;
        return ((await server.Services.GetRequiredService<SessionStore>().List(user)).ShouldHaveSingleItem().Address, joined.Headers["Set-Cookie"], url);
    }
}
