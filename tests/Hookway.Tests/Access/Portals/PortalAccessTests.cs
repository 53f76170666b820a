using System.Text;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Tests.Support;

namespace Hookway.Tests.Access.Portals;

/// <summary>What a portal token may do on every route of the running server, and that it never meets another recipient.</summary>
public sealed partial class PortalAccessTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string App = "/api/v1/apps/{appId}";

    /// <summary>The routes that are open to a portal token, each with the capability that opens it: the contract. Every other route is a 403.</summary>
    private static readonly Dictionary<(string Method, string Pattern), string> Open = new()
    {
        [("GET", $"{App}/endpoints")] = Capabilities.EndpointsRead,
        [("GET", $"{App}/endpoints/{{endpointId}}")] = Capabilities.EndpointsRead,
        [("GET", $"{App}/endpoints/{{endpointId}}/stats")] = Capabilities.EndpointsRead,
        [("GET", $"{App}/event-types")] = Capabilities.EndpointsRead,
        [("GET", $"{App}/event-types/{{name}}")] = Capabilities.EndpointsRead,
        [("POST", $"{App}/endpoints")] = Capabilities.EndpointsWrite,
        [("PATCH", $"{App}/endpoints/{{endpointId}}")] = Capabilities.EndpointsWrite,
        [("DELETE", $"{App}/endpoints/{{endpointId}}")] = Capabilities.EndpointsWrite,
        [("POST", $"{App}/endpoints/{{endpointId}}/test")] = Capabilities.EndpointsWrite,
        [("GET", $"{App}/endpoints/{{endpointId}}/secret")] = Capabilities.SecretsRead,
        [("POST", $"{App}/endpoints/{{endpointId}}/rotate-secret")] = Capabilities.SecretsRotate,
        [("GET", $"{App}/messages")] = Capabilities.MessagesRead,
        [("GET", $"{App}/messages/{{messageId}}")] = Capabilities.MessagesRead,
        [("GET", $"{App}/messages/{{messageId}}/attempts")] = Capabilities.MessagesRead,
        [("GET", $"{App}/endpoints/{{endpointId}}/attempts")] = Capabilities.MessagesRead,
        [("GET", $"{App}/recipients/{{recipient}}/explain")] = Capabilities.MessagesRead,
        [("POST", $"{App}/messages/{{messageId}}/replay")] = Capabilities.MessagesReplay,
        [("POST", $"{App}/endpoints/{{endpointId}}/replay")] = Capabilities.MessagesReplay,
        [("GET", "/api/v1/replays")] = Capabilities.MessagesReplay,
        [("GET", "/api/v1/replays/{replayId}")] = Capabilities.MessagesReplay,
        [("POST", "/api/v1/replays/{replayId}/cancel")] = Capabilities.MessagesReplay,
    };

    private TestServer Server => fixture.Server;

    private List<(string Method, string Pattern, string? Capability)> Routes =>
    [
        .. Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal))
            .SelectMany(route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method =>
                (method, "/" + route.RoutePattern.RawText!.Trim('/'), route.Metadata.GetMetadata<PortalCapability>()?.Capability))),
    ];

    [Fact]
    public void The_routes_declare_what_the_contract_says()
    {
        Routes.Count.ShouldBeGreaterThan(45);
        foreach (var (method, pattern, capability) in Routes)
        {
            capability.ShouldBe(Open.GetValueOrDefault((method, pattern)), $"{method} {pattern}");
        }
    }

    [Fact]
    public async Task Each_capability_opens_its_routes_and_no_other()
    {
        var app = await Server.CreateApp();
        var everything = await Token(app, "mine");
        var single = new Dictionary<string, string>();
        foreach (var capability in Capabilities.All)
        {
            single[capability] = await Token(app, "mine", capability);
        }
        foreach (var (method, pattern, _) in Routes)
        {
            var name = $"{method} {pattern}";
            if (!Open.TryGetValue((method, pattern), out var needed))
            {
                (await Call(method, Fill(pattern, app, new Things("ep_x", "msg_x", "rpl_x")), "{}", everything)).ExpectCode(403, "missing_scope");
                continue;
            }
            foreach (var (capability, token) in single.Where(pair => pair.Key != needed))
            {
                (await Call(method, Fill(pattern, app, new Things("ep_x", "msg_x", "rpl_x")), "{}", token)).ExpectCode(403, "missing_capability").Text("detail").ShouldContain(needed);
            }
            foreach (var token in new[] { everything, single[needed] })
            {
                var own = await Make(app, "mine");
                (await Call(method, Fill(pattern, app, own), BodyOf(pattern), token)).Status.ShouldBeInRange(200, 299, name);
            }
        }
    }

    [Fact]
    public async Task Another_recipients_things_are_not_there_on_any_route()
    {
        var app = await Server.CreateApp();
        var (mine, theirs) = (await Make(app, "mine"), await Make(app, "theirs"));
        var otherApp = await Server.CreateApp();
        var elsewhere = await Make(otherApp, "mine");
        var token = await Token(app, "mine");
        var before = await Snapshot(app, theirs) + await Snapshot(otherApp, elsewhere);

        foreach (var (method, pattern, _) in Routes.Where(route => Open.ContainsKey((route.Method, route.Pattern))))
        {
            var name = $"{method} {pattern}";
            if (pattern.Contains("{endpointId}") || pattern.Contains("{messageId}") || pattern.Contains("{replayId}") || pattern.Contains("{recipient}"))
            {
                (await Call(method, Fill(pattern, app, theirs, "theirs"), BodyOf(pattern), token)).Status.ShouldBe(404, name);
                (await Call(method, Fill(pattern, app, elsewhere, "theirs"), BodyOf(pattern), token)).Status.ShouldBe(404, name);
            }
            if (pattern.Contains("{appId}"))
            {
                (await Call(method, Fill(pattern, otherApp, elsewhere), BodyOf(pattern), token)).Status.ShouldBe(404, name);
                (await Call(method, Fill(pattern, app, mine) + "?recipient=theirs", BodyOf(pattern), token)).Status.ShouldBe(404, name);
            }
            if (method == "GET" && !pattern.EndsWith('}') && !pattern.Contains("event-types"))
            {
                foreach (var query in new[] { pattern.EndsWith("/stats") ? "" : "?limit=250", "?limit=250&recipient=mine" }.Where(query => !query.Contains("recipient") || pattern.EndsWith("/messages") || pattern.EndsWith("/endpoints")))
                {
                    var shown = Encoding.UTF8.GetString((await Call(method, Fill(pattern, app, mine) + (pattern.EndsWith("secret") || pattern.EndsWith("explain") ? "" : query), null, token)).Expect(200).Bytes);
                    foreach (var id in new[] { theirs.Endpoint, theirs.Message, theirs.Replay, elsewhere.Endpoint, elsewhere.Message, elsewhere.Replay, "theirs" })
                    {
                        shown.ShouldNotContain(id, Case.Sensitive, name);
                    }
                }
            }
        }
        (await Snapshot(app, theirs) + await Snapshot(otherApp, elsewhere)).ShouldBe(before);
    }

    [Fact]
    public async Task Ids_of_others_in_queries_and_bodies_are_not_there_either()
    {
        var app = await Server.CreateApp();
        var (mine, theirs) = (await Make(app, "mine"), await Make(app, "theirs"));
        var token = await Token(app, "mine");
        var url = fixture.Receiver.UrlFor("/portal");
        (await Server.Get($"/api/v1/apps/{app}/messages/{mine.Message}/attempts?endpointId={theirs.Endpoint}", token)).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/messages/{mine.Message}/replay", new { endpointId = theirs.Endpoint }, token)).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "theirs", url }, token)).Expect(404);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipientName = "Me", url }, token)).ExpectInvalid("recipientName");
        foreach (var recipient in new[] { null, "mine" })
        {
            var made = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient, url }, token)).Expect(201);
            made.Text("recipient").ShouldBe("mine");
        }
        (await Server.Get($"/api/v1/apps/{app}/messages?q={theirs.Message}", token)).Expect(200).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/messages?q=theirs", token)).Expect(200).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/messages?q=1&inPayload=true", token)).Expect(200).Items.ShouldAllBe(message => message.GetProperty("recipient").GetString() == "mine");
        (await Server.Get($"/api/v1/replays?endpointId={theirs.Endpoint}", token)).Expect(200).Items.ShouldBeEmpty();
        (await Server.Get("/api/v1/replays", token)).Expect(200).Items.Single().GetProperty("replayId").GetString().ShouldBe(mine.Replay);
    }

    [Fact]
    public async Task A_test_by_a_session_that_is_revoked_meanwhile_is_refused()
    {
        var app = await Server.CreateApp();
        var mine = await Make(app, "mine");
        var opened = (await Server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "mine" })).Expect(201);
        var token = TokenOf(opened);
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{mine.Endpoint}/test", null, token)).Expect(202);
        (await Server.Delete($"/api/v1/apps/{app}/portal-sessions/{opened.Text("portalSessionId")}")).Expect(200);
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{mine.Endpoint}/test", null, token)).ExpectCode(401, "unauthorized");
    }

    /// <summary>An endpoint, a message that reached it and a replay of that, of one recipient.</summary>
    private async Task<Things> Make(string app, string recipient)
    {
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.UrlFor("/portal"), recipient: recipient);
        var message = await Server.Send(app, recipient: recipient);
        await Server.WaitForMessage(app, message, "succeeded");
        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");
        await Server.WaitForMessage(app, message, "succeeded");
        return new Things(endpoint, message, replay);
    }

    private async Task<string> Token(string app, string recipient, params string[] capabilities) => TokenOf(
        (await Server.Post($"/api/v1/apps/{app}/portal-sessions", capabilities.Length == 0 ? new { recipient } : new { recipient, capabilities })).Expect(201));

    private static string TokenOf(Answer opened) => opened.Text("url").Split('/')[^2];

    private Task<Answer> Call(string method, string path, string? body, string token) => body is null || method == "GET"
        ? Server.Request(new HttpMethod(method), path, null, token)
        : Server.Raw(new HttpMethod(method), path, body, token);

    private string BodyOf(string pattern) =>
        pattern == $"{App}/endpoints" ? $$"""{"url":"{{fixture.Receiver.UrlFor("/portal")}}"}"""
        : pattern.EndsWith("/endpoints/{endpointId}/replay") ? """{"since":"2020-01-01T00:00:00Z"}"""
        : pattern.EndsWith("/endpoints/{endpointId}") ? """{"name":"changed"}"""
        : "{}";

    private async Task<string> Snapshot(string app, Things things)
    {
        var texts = new List<string>();
        foreach (var path in new[] { $"endpoints/{things.Endpoint}", $"endpoints/{things.Endpoint}/secret", $"messages/{things.Message}", $"messages/{things.Message}/attempts", "endpoints", "messages" })
        {
            texts.Add(Encoding.UTF8.GetString((await Server.Get($"/api/v1/apps/{app}/{path}{(path is "endpoints" or "messages" ? "?recipient=theirs" : "")}")).Expect(200).Bytes));
        }
        return string.Join('\n', texts);
    }

    private static string Fill(string pattern, string app, Things things, string recipient = "mine") => Parameter().Replace(pattern, match => match.Groups[1].Value switch
    {
        "appId" => app,
        "endpointId" => things.Endpoint,
        "messageId" => things.Message,
        "replayId" => things.Replay,
        "recipient" => recipient,
        "name" => "invoice.paid",
        _ => "x_00000000000000000000000000",
    });

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Parameter();

    private sealed record Things(string Endpoint, string Message, string Replay);
}
