using Hookway.Access;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>Limits hold exactly, also when many ask at once; without a limit nothing is limited and nothing is said of it.</summary>
public class LimitsTests
{
    private static readonly DateTimeOffset InMay = new(2026, 5, 20, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Of_the_requests_of_one_second_exactly_as_many_are_let_in_as_the_limit_says()
    {
        var clock = new FakeTimeProvider(InMay);
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:RequestsPerSecond"] = "10" }, clock);
        var other = await server.CreateWorkspace();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => server.Get("/api/v1/apps")));
        answers.Count(answer => answer.Status == 200).ShouldBe(10);
        answers.Where(answer => answer.Status == 200).Select(answer => Header(answer, "RateLimit-Remaining")).Order().ShouldBe([.. Enumerable.Range(0, 10).Select(left => $"{left}")]);
        foreach (var refused in answers.Where(answer => answer.Status != 200))
        {
            refused.ExpectCode(429, "rate_limited").Text("limit").ShouldBe("requestsPerSecond");
            Header(refused, "Retry-After").ShouldBe("1");
            Header(refused, "RateLimit-Limit").ShouldBe("10");
            Header(refused, "RateLimit-Remaining").ShouldBe("0");
            Header(refused, "RateLimit-Reset").ShouldBe("1");
        }

        (await server.Get("/api/v1/apps", other)).Expect(200);
        clock.Advance(TimeSpan.FromMilliseconds(100));
        (await server.Get("/api/v1/apps")).Expect(200);
        (await server.Get("/api/v1/apps")).Expect(429);
        clock.Advance(TimeSpan.FromSeconds(5));
        (await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => server.Get("/api/v1/apps")))).Count(answer => answer.Status == 200).ShouldBe(10);
    }

    [Fact]
    public async Task A_bucket_never_gives_more_than_its_size_and_what_time_brings()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var clock = new FakeTimeProvider(InMay);
            var rate = new RequestRate(clock);
            var limit = random.Next(1, 1_000_000);
            var workspace = Workspace(new WorkspaceLimits(RequestsPerSecond: limit));
            var taken = new List<long>();
            for (var i = 0; i < 200; i++)
            {
                clock.Advance(TimeSpan.FromTicks(random.Next(0, (int)(TimeSpan.TicksPerSecond * 2 / Math.Min(limit, 200)))));
                var isFull = taken.Count == 0 || clock.GetTimestamp() - taken[^1] >= clock.TimestampFrequency;
                if (rate.Take(workspace, new DefaultHttpContext().Response) is null)
                {
                    taken.Add(clock.GetTimestamp());
                }
                else
                {
                    isFull.ShouldBeFalse();
                }
            }
            for (var first = 0; first < taken.Count; first++)
            {
                for (var last = first; last < taken.Count; last++)
                {
                    // What is refilled while a request is taken counts in whole ticks.
                    var most = limit + ((double)(taken[last] - taken[first]) * limit / clock.TimestampFrequency * 1.2) + 1;
                    if (last - first + 1 > (int)Math.Ceiling(most))
                    {
                        Assert.Fail($"{last - first + 1} of at most {most}");
                    }
                }
            }
        }
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Without_a_limit_no_response_speaks_of_one()
    {
        await using var server = await TestServer.Start();
        var answer = (await server.Get("/api/v1/workspace")).Expect(200);
        answer.Headers.ShouldNotContain(header => header.Key.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase));
        answer.Body.GetProperty("limits").GetRawText().ShouldBe(
            """{"requestsPerSecond":null,"messagesPerMonth":null,"apps":null,"endpointsPerRecipient":null,"retentionDays":null,"payloadBytes":1048576}""");
    }

    [Fact]
    public async Task A_month_takes_exactly_its_messages_and_the_next_one_begins_anew()
    {
        var clock = new FakeTimeProvider(InMay);
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:MessagesPerMonth"] = "40" }, clock);
        var app = await server.CreateApp();
        var other = await server.CreateWorkspace();

        var single = Enumerable.Range(0, 60).Select(i => server.Post($"/api/v1/apps/{app}/messages", new { recipient = "c", type = "invoice.paid", messageId = $"one-{i}" })).ToList();
        var batches = Enumerable.Range(0, 3).Select(b => server.Post(
            $"/api/v1/apps/{app}/messages/batch", new { messages = Enumerable.Range(0, 20).Select(i => new { recipient = "c", type = "invoice.paid", messageId = $"batch-{b}-{i}" }) })).ToList();
        var answers = await Task.WhenAll(single);
        var results = (await Task.WhenAll(batches)).SelectMany(batch => batch.Expect(202).Body.GetProperty("results").EnumerateArray()).ToList();

        var accepted = answers.Where(answer => answer.Status == 202).Select(answer => answer.Text("messageId"))
            .Concat(results.Where(result => result.TryGetProperty("messageId", out _)).Select(result => result.GetProperty("messageId").GetString()!)).ToList();
        accepted.Count.ShouldBe(40);
        foreach (var refused in answers.Where(answer => answer.Status != 202))
        {
            refused.ExpectCode(429, "limit_reached").Text("limit").ShouldBe("messagesPerMonth");
            Header(refused, "Retry-After").ShouldBe(((long)(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero) - InMay).TotalSeconds).ToString());
        }
        results.Where(result => !result.TryGetProperty("messageId", out _)).ShouldAllBe(result =>
            result.GetProperty("status").GetInt32() == 429 && result.GetProperty("limit").GetString() == "messagesPerMonth");
        (await server.Get($"/api/v1/apps/{app}/messages?limit=250")).Items.Select(message => message.GetProperty("messageId").GetString()!).ShouldBe(accepted, ignoreOrder: true);
        var workspace = (await server.Get("/api/v1/workspace")).Expect(200).Body.GetProperty("usage");
        workspace.GetProperty("messagesThisMonth").GetInt64().ShouldBe(40);
        workspace.GetProperty("monthEndsAt").GetString().ShouldBe("2026-06-01T00:00:00.000Z");

        // A repeat is no new message; another workspace has its own count.
        (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "c", type = "invoice.paid", messageId = accepted[0] })).Expect(202).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        var theirs = (await server.Post("/api/v1/apps", new { name = "theirs" }, other)).Expect(201).Text("appId");
        (await server.Put($"/api/v1/apps/{theirs}/event-types/invoice.paid", new { }, other)).Expect(201);
        (await server.Raw(HttpMethod.Post, $"/api/v1/apps/{theirs}/messages", """{"recipient":"c","type":"invoice.paid"}""", other)).Expect(202);

        clock.SetUtcNow(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero));
        await server.Send(app);
        (await server.Get("/api/v1/workspace")).Body.GetProperty("usage").GetProperty("messagesThisMonth").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task A_limit_that_is_set_later_counts_what_was_sent_before_it()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.Send(app)));
        await server.Restart();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => server.Send(app)));
        await SetLimits(server, limits => limits with { MessagesPerMonth = 30 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.Post($"/api/v1/apps/{app}/messages", new { recipient = "c", type = "invoice.paid" })));
        answers.Count(answer => answer.Status == 202).ShouldBe(5);
        answers.Count(answer => answer.Status == 429).ShouldBe(15);
        await SetLimits(server, limits => limits with { MessagesPerMonth = 0 });
        await server.Send(app);
        (await server.Get("/api/v1/workspace")).Body.GetProperty("usage").GetProperty("messagesThisMonth").GetInt64().ShouldBe(31);
    }

    [Fact]
    public async Task Apps_and_endpoints_come_up_to_their_limits_and_no_further()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:Apps"] = "3", ["Hookway:Limits:EndpointsPerRecipient"] = "2" });
        var apps = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => server.Post("/api/v1/apps", new { name = $"App {i}" })));
        apps.Count(answer => answer.Status == 201).ShouldBe(3);
        apps.First(answer => answer.Status != 201).ExpectCode(429, "limit_reached").Text("limit").ShouldBe("apps");
        var app = apps.First(answer => answer.Status == 201).Text("appId");
        (await server.Get("/api/v1/workspace")).Body.GetProperty("usage").GetProperty("apps").GetInt64().ShouldBe(3);
        (await server.Delete($"/api/v1/apps/{apps.Last(answer => answer.Status == 201).Text("appId")}")).Expect(200);
        (await server.Post("/api/v1/apps", new { name = "again" })).Expect(201);

        var endpoints = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "c", url = receiver.Url })));
        endpoints.Count(answer => answer.Status == 201).ShouldBe(2);
        endpoints.First(answer => answer.Status != 201).ExpectCode(429, "limit_reached").Text("limit").ShouldBe("endpointsPerRecipient");
        (await server.Get($"/api/v1/apps/{app}/endpoints")).Items.Length.ShouldBe(2);
        (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "d", url = receiver.Url })).Expect(201);
        (await server.Delete($"/api/v1/apps/{app}/endpoints/{endpoints.First(answer => answer.Status == 201).Text("endpointId")}")).Expect(200);
        (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "c", url = receiver.Url })).Expect(201);
    }

    [Fact]
    public async Task A_workspaces_own_payload_limit_is_below_or_above_the_servers()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Limits:PayloadBytes"] = "4096" });
        var app = await server.CreateApp();
        Task<Answer> Send(int bytes) => server.Raw(
            HttpMethod.Post, $"/api/v1/apps/{app}/messages", $$"""{"recipient":"c","type":"invoice.paid","data":"{{new string('x', bytes - 2)}}"}""");
        Task<Answer> Batch(int bytes) => server.Raw(
            HttpMethod.Post, $"/api/v1/apps/{app}/messages/batch", $$"""{"messages":[{"recipient":"c","type":"invoice.paid","data":"{{new string('x', bytes - 2)}}"}]}""");
        foreach (var (own, most) in new (long?, int)[] { (null, 4096), (2000, 2000), (10_000, 10_000), (null, 4096) })
        {
            await SetLimits(server, limits => limits with { PayloadBytes = own });
            (await Send(most)).Expect(202);
            (await Send(most + 1)).ExpectCode(413, "payload_too_large");
            (await Send(most + 100_000)).ExpectCode(413, "payload_too_large");
            (await Batch(most)).Expect(202).Body.GetProperty("results")[0].TryGetProperty("messageId", out _).ShouldBeTrue();
            (await Batch(most + 1)).Expect(202).Body.GetProperty("results")[0].GetProperty("status").GetInt32().ShouldBe(413);
        }
    }

    [Fact]
    public async Task The_workspace_is_renamed_and_caps_its_portal_and_the_log_has_it()
    {
        await using var server = await TestServer.Start();
        (await server.Patch("/api/v1/workspace", new { name = "Acme", portalCapabilities = new[] { "messages:read", "endpoints:read" } })).Expect(200)
            .Body.GetProperty("portalCapabilities").EnumerateArray().Select(item => item.GetString()).ShouldBe(["endpoints:read", "messages:read"]);
        (await server.Patch("/api/v1/workspace", new { portalCapabilities = new[] { "everything" } })).ExpectInvalid("portalCapabilities[0]");
        (await server.Raw(HttpMethod.Patch, "/api/v1/workspace", """{"name":null}""")).ExpectInvalid("name");
        (await server.Patch("/api/v1/workspace", new { limits = new { } })).ExpectInvalid("limits");
        await server.Restart();
        var workspace = (await server.Get("/api/v1/workspace")).Expect(200);
        workspace.Text("name").ShouldBe("Acme");
        (await server.Raw(HttpMethod.Patch, "/api/v1/workspace", """{"portalCapabilities":null}""")).Expect(200).Body.GetProperty("portalCapabilities").GetArrayLength().ShouldBe(6);
        var log = (await server.Get($"/api/v1/audit-log?object={workspace.Text("workspaceId")}")).Items;
        log.Select(entry => entry.GetProperty("action").GetString()).ShouldBe(["workspace.updated", "workspace.updated", "workspace.created"]);
        log[1].GetProperty("after").GetProperty("name").GetString().ShouldBe("Acme");
    }

    private static async Task SetLimits(TestServer server, Func<WorkspaceLimits, WorkspaceLimits> change) =>
        await server.Services.GetRequiredService<WorkspaceStore>().SetLimits((await server.Caller()).WorkspaceNo, Actor.Command, change);

    private static Workspace Workspace(WorkspaceLimits limits) => new(1, "ws_1", "x", limits, limits, Capabilities.All, InMay);

    private static string Header(Answer answer, string name) => answer.Headers.GetValues(name).Single();
}
