using Hookway.Access;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

public class AuthenticationTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    /// <summary>Every route of the API with the scope it declares: a new route is covered when it is mapped.</summary>
    private (HttpMethod Method, string Pattern, string? Scope, string? Other)[] Routes =>
    [
        .. Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal))
            .SelectMany(route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method =>
                (new HttpMethod(method), route.RoutePattern.RawText!, route.Metadata.GetMetadata<RequiredScope>()?.Scope, route.Metadata.GetMetadata<AlternativeScope>()?.Scope))),
    ];

    [Fact]
    public void Every_route_of_the_api_asks_for_a_known_scope()
    {
        Routes.Length.ShouldBeGreaterThan(20);
        Routes.ShouldAllBe(route => route.Scope != null && route.Scope != Scopes.Everything && Scopes.All.Contains(route.Scope));
        Routes.ShouldAllBe(route => route.Method == HttpMethod.Get == route.Scope!.EndsWith(":read", StringComparison.Ordinal) || route.Pattern.EndsWith("/secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Basic aHdrXzp4")]
    [InlineData(TestServer.EverythingKey)]
    [InlineData("Bearer hwk_short")]
    [InlineData("Bearer hwk_UnknownButWellFormedKey00000000000")]
    [InlineData("Bearer " + TestServer.EverythingKey + "x")]
    [InlineData("Bearer " + TestServer.EverythingKey + " x")]
    [InlineData("Bearer hwk_TESTSERVERBOOTSTRAPKEY00000000")]
    public async Task Without_a_valid_key_every_route_is_a_401(string? header)
    {
        foreach (var (method, pattern, _, _) in Routes)
        {
            (string, string)[] headers = header is null ? [] : [("Authorization", header)];
            var answer = await Server.Request(method, Fill(pattern, []), null, key: null, headers);
            answer.ExpectCode(401, "unauthorized");
            answer.Headers.WwwAuthenticate.ToString().ShouldStartWith("Bearer");
        }
    }

    [Fact]
    public async Task The_scheme_is_read_without_case_and_two_headers_are_refused()
    {
        (await Server.Request(HttpMethod.Get, "/api/v1/apps", null, null, ("Authorization", "bearer " + TestServer.EverythingKey))).Expect(200);
        (await Server.Request(HttpMethod.Get, "/api/v1/apps", null, TestServer.EverythingKey, ("Authorization", "Bearer " + TestServer.EverythingKey))).Expect(401);
        (await Server.Get("/api/v1/apps?access_token=" + TestServer.EverythingKey, key: null)).Expect(401);
    }

    [Fact]
    public async Task An_expired_key_is_refused_from_its_instant_on()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var key = await server.CreateKey([Scopes.Everything], clock.GetUtcNow().AddMinutes(5));
        clock.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(2));
        (await server.Get("/api/v1/apps", key)).Expect(200);
        clock.Advance(TimeSpan.FromMilliseconds(2));
        (await server.Get("/api/v1/apps", key)).ExpectCode(401, "unauthorized");
        (await server.Get("/api/v1/apps")).Expect(200);
    }

    [Fact]
    public async Task A_key_with_every_scope_but_the_right_one_is_a_403_that_names_it()
    {
        var keys = new Dictionary<string, string>();
        foreach (var scope in Scopes.All.Where(scope => scope != Scopes.Everything))
        {
            keys[scope] = await Server.CreateKey([.. Scopes.All.Where(other => other != Scopes.Everything && other != scope)]);
        }
        foreach (var (method, pattern, scope, other) in Routes)
        {
            var key = other is null ? keys[scope!] : await Server.CreateKey([.. Scopes.All.Where(one => one != Scopes.Everything && one != scope && one != other)]);
            var refused = (await Server.Request(method, Fill(pattern, []), null, key)).ExpectCode(403, "missing_scope");
            refused.Text("detail").ShouldContain(scope!);
        }
    }

    [Fact]
    public async Task No_single_wrong_scope_opens_a_route_and_the_right_one_alone_does()
    {
        var keys = new Dictionary<string, string>();
        foreach (var scope in Scopes.All)
        {
            keys[scope] = await Server.CreateKey([scope]);
        }
        foreach (var (method, pattern, needed, other) in Routes)
        {
            foreach (var (scope, key) in keys)
            {
                var status = (await Server.Request(method, Fill(pattern, []), null, key)).Status;
                if (scope == needed || scope == other || scope == Scopes.Everything)
                {
                    status.ShouldNotBeOneOf(401, 403, 500);
                }
                else
                {
                    status.ShouldBe(403, $"{method} {pattern} with {scope}");
                }
            }
        }
    }

    [Fact]
    public async Task Every_id_of_another_workspace_is_a_404_on_every_route()
    {
        await using var server = await TestServer.Start();
        var stranger = await server.CreateWorkspace();
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, fixture.Receiver.Url);
        var message = await server.Send(app);
        await server.WaitForMessage(app, message, "succeeded");
        var replay = (await server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");
        await server.WaitForMessage(app, message, "succeeded");
        var ids = new Dictionary<string, string>
        {
            ["appId"] = app, ["endpointId"] = endpoint, ["messageId"] = message, ["replayId"] = replay, ["name"] = "invoice.paid", ["recipient"] = "customer_1",
            ["keyId"] = (await server.Get("/api/v1/api-keys")).Items[0].GetProperty("keyId").GetString()!,
        };
        // Each route's valid body, so that a 404 is the id's doing and not the body's.
        var bodies = new[] { "{}", $$"""{"recipient":"customer_1","type":"invoice.paid"}""", $$"""{"recipient":"customer_1","url":"{{fixture.Receiver.Url}}"}""", """{"name":"x"}""" };
        var before = await Snapshot(server, app, endpoint, message);

        foreach (var (method, pattern, _, _) in Routes.Where(route => route.Pattern.Contains('{', StringComparison.Ordinal)))
        {
            foreach (var body in method == HttpMethod.Get ? [""] : bodies)
            {
                (await server.Raw(method, Fill(pattern, ids), body, stranger)).ExpectCode(404, "not_found");
            }
        }
        foreach (var (_, pattern, _, _) in Routes.Where(route => route.Method == HttpMethod.Get && !route.Pattern.Contains('{', StringComparison.Ordinal)))
        {
            // What a workspace has from its beginning (a key, the log) is the stranger's own.
            var shown = System.Text.Encoding.UTF8.GetString((await server.Get(pattern, stranger)).Expect(200).Bytes);
            ids.Values.ShouldNotContain(id => shown.Contains(id), pattern);
        }

        (await Snapshot(server, app, endpoint, message)).ShouldBe(before);
        // The stranger's own app with our ids in it finds nothing either.
        ids["appId"] = (await server.Post("/api/v1/apps", new { name = "theirs" }, stranger)).Expect(201).Text("appId");
        foreach (var (method, pattern, _, _) in Routes.Where(route =>
            route.Pattern.Contains("{endpointId}", StringComparison.Ordinal) || route.Pattern.Contains("{messageId}", StringComparison.Ordinal)))
        {
            (await server.Raw(method, Fill(pattern, ids), method == HttpMethod.Get ? "" : "{}", stranger)).ExpectCode(404, "not_found");
        }
    }

    [Fact]
    public async Task A_key_is_not_kept_readable_and_its_use_is_noted()
    {
        await using var server = await TestServer.Start();
        var key = await server.CreateKey([Scopes.AppRead]);
        (await server.Get("/api/v1/apps", key)).Expect(200);
        (await server.Services.GetRequiredService<ApiKeyStore>().Find(key))!.Prefix.ShouldBe(key[..12]);
        await server.Restart();
        (await server.Get("/api/v1/apps", key)).Expect(200);
        await TestServer.Until(async () => (await server.Services.GetRequiredService<Database>().Read(async connection =>
        {
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL AND name = 'A test''s'";
            return (long)(await command.ExecuteScalarAsync())!;
        })) == 1);
    }

    [Fact]
    public async Task A_read_is_answered_also_while_the_use_of_its_key_cannot_be_noted()
    {
        await using var server = await TestServer.Start();
        var key = await server.CreateKey([Scopes.AppRead]);
        var database = server.Services.GetRequiredService<Database>();
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var blocks = database.Write(async _ =>
        {
            begun.TrySetResult();
            await held.Task;
            return 0;
        });
        await begun.Task;
        // Every write is refused while so many wait.
        var waiting = Enumerable.Range(0, 70_000).Select(_ => database.Write(_ => Task.FromResult(0))).ToList();
        waiting[^1].IsFaulted.ShouldBeTrue();

        (await server.Get("/api/v1/apps", key)).Expect(200);

        held.SetResult();
        await blocks;
        await Task.WhenAll(waiting).ShouldThrowAsync<StorageUnavailableException>();
    }

    private static async Task<string> Snapshot(TestServer server, string app, string endpoint, string message)
    {
        var parts = new[]
        {
            $"/api/v1/apps/{app}", $"/api/v1/apps/{app}/endpoints", $"/api/v1/apps/{app}/endpoints/{endpoint}/secret", $"/api/v1/apps/{app}/messages/{message}",
            $"/api/v1/apps/{app}/messages/{message}/attempts", $"/api/v1/apps/{app}/recipients", $"/api/v1/apps/{app}/event-types?includeArchived=true", "/api/v1/replays",
        };
        var texts = new List<string>();
        foreach (var path in parts)
        {
            texts.Add(System.Text.Encoding.UTF8.GetString((await server.Get(path)).Expect(200).Bytes));
        }
        return string.Join('\n', texts);
    }

    private static string Fill(string pattern, Dictionary<string, string> ids) =>
        System.Text.RegularExpressions.Regex.Replace(pattern, @"\{(\w+)\}", match => ids.GetValueOrDefault(match.Groups[1].Value, "x_00000000000000000000000000"));
}
