using System.Collections.Concurrent;
using System.Text.Json;
using Hookway.Deliveries;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

/// <summary>The engine through the whole server, over real HTTP.</summary>
public class DeliveryEngineTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly int[] DefaultSeconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_receiver_that_recovers_gets_the_same_bytes_until_it_succeeds()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 500, 200);
        await using var server = await TestServer.Start(new() { ["Hookway:Deliveries:RetrySchedule"] = "00:00:01,00:00:00.100" });
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 1 });
        var message = await server.Send(app);

        await server.WaitForMessage(app, message, "succeeded");

        var attempts = await server.Attempts(app, message);
        attempts.Select(attempt => attempt.GetProperty("status").GetString()).ShouldBe(["failed", "failed", "succeeded"]);
        Planned(attempts[0]).ShouldBeInRange(0.8, 1.2 + 1);
        Planned(attempts[1]).ShouldBeInRange(0.08, 0.12 + 1);
        var requests = receiver.Requests;
        requests.Count.ShouldBe(3);
        requests.Select(request => request.Headers["webhook-id"]).ShouldAllBe(id => id == message);
        requests.ShouldAllBe(request => request.Body.SequenceEqual(requests[0].Body));
    }

    [Fact]
    public async Task A_receiver_that_never_recovers_is_tried_on_schedule_and_then_failed()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        var message = await server.Send(app);
        for (var attempt = 1; attempt < 8; attempt++)
        {
            var next = await NextAfter(server, app, message, attempt);
            (next - clock.GetUtcNow()).TotalSeconds.ShouldBeInRange(DefaultSeconds[attempt - 1] * 0.8 - 1, DefaultSeconds[attempt - 1] * 1.2 + 1);
            clock.Advance(next - clock.GetUtcNow() + TimeSpan.FromMilliseconds(1));
        }

        var failed = await server.WaitForMessage(app, message, "failed");

        var delivery = failed.GetProperty("deliveries")[0];
        delivery.GetProperty("attemptCount").GetInt32().ShouldBe(8);
        delivery.GetProperty("reason").GetString().ShouldBe("attempts_exhausted");
        delivery.GetProperty("lastError").GetString().ShouldBe("http_status");
        delivery.GetProperty("lastResponseStatus").GetInt32().ShouldBe(500);
        delivery.GetProperty("nextAttemptAt").ValueKind.ShouldBe(JsonValueKind.Null);
        clock.Advance(TimeSpan.FromDays(2));
        receiver.Count.ShouldBe(8);
        (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status").ShouldBe("failing");
        receiver.RespondWith(200);
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status").ShouldBe("healthy");
    }

    [Theory]
    [InlineData(429, "120", 120, 120)]
    [InlineData(503, "120", 120, 120)]
    [InlineData(500, "120", 4, 6)]
    [InlineData(429, "1", 4, 6)]
    [InlineData(503, "999999", 86_400, 86_400)]
    [InlineData(429, "soon", 4, 6)]
    public async Task Retry_after_only_ever_delays(int status, string retryAfter, int least, int most)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = retryAfter;
            return Task.CompletedTask;
        });
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var next = await NextAfter(server, app, await server.Send(app), 1);
        (next - clock.GetUtcNow()).TotalSeconds.ShouldBeInRange(least - 0.01, most + 0.01);
    }

    [Theory]
    [InlineData(410, null)]
    [InlineData(500, "disable")]
    [InlineData(200, "disable")]
    public async Task A_receiver_can_disable_its_endpoint_which_cancels_what_is_pending(int status, string? directive)
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3600 });
        var waiting = await Server.Send(app);
        await NextAfter(Server, app, waiting, 1);
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            if (directive is not null)
            {
                context.Response.Headers["webhook-delivery"] = directive;
            }
            return Task.CompletedTask;
        });
        var message = await Server.Send(app);

        var ended = await Server.WaitForMessage(app, message, status == 200 ? "succeeded" : "canceled");

        ended.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe(status == 200 ? null : "endpoint_disabled");
        (await Server.WaitForMessage(app, waiting, "canceled")).GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("endpoint_disabled");
        var disabled = (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);
        disabled.Text("status").ShouldBe("disabled");
        disabled.Text("disabledReason").ShouldNotBeNullOrEmpty();
        var next = (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" })).Expect(202);
        next.Text("status").ShouldBe("skipped");
        receiver.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_receiver_can_abort_one_message()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = 500;
            context.Response.Headers["webhook-delivery"] = "abort-message";
            return Task.CompletedTask;
        });
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var ended = await Server.WaitForMessage(app, await Server.Send(app), "failed");
        ended.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32().ShouldBe(1);
        ended.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("aborted_by_receiver");
        (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Body.GetProperty("enabled").GetBoolean().ShouldBeTrue();
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_a_failure_and_is_never_followed(int status)
    {
        await using var receiver = await ReceiverStub.Start();
        await using var target = await ReceiverStub.Start();
        receiver.Respond((_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = target.Url.AbsoluteUri;
            return Task.CompletedTask;
        });
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 });
        var failed = await Server.WaitForMessage(app, await Server.Send(app), "failed");
        failed.GetProperty("deliveries")[0].GetProperty("lastResponseStatus").GetInt32().ShouldBe(status);
        target.Count.ShouldBe(0);
    }

    [Fact]
    public async Task A_receiver_that_hangs_times_out_while_others_are_served()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Deliveries:Timeout"] = "00:00:02" });
        await using var receiver = await ReceiverStub.Start();
        await using var hanging = RawReceiver.Play(connection => connection.Hang());
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, hanging.Url, new { retryMaxAttempts = 1 }, "stuck");
        await server.CreateEndpoint(app, receiver.Url);
        var stuck = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            stuck.Add(await server.Send(app, recipient: "stuck"));
        }
        var fine = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => server.Send(app)));

        await receiver.WaitFor(100);
        foreach (var message in fine)
        {
            await server.WaitForMessage(app, message, "succeeded");
        }
        foreach (var message in stuck)
        {
            var failed = await server.WaitForMessage(app, message, "failed");
            failed.GetProperty("deliveries")[0].GetProperty("lastError").GetString().ShouldBe("timeout");
        }
    }

    [Fact]
    public async Task A_pause_holds_and_a_resume_delivers()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, receiver.Url)}";
        (await Server.Patch(path, new { paused = true })).Expect(200);
        var messages = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            messages.Add(await Server.Send(app));
        }
        var held = await Server.Message(app, messages[0]);
        held.GetProperty("status").GetString().ShouldBe("pending");
        held.GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("held");

        (await Server.Patch(path, new { paused = false })).Expect(200);

        foreach (var message in messages)
        {
            await Server.WaitForMessage(app, message, "succeeded");
        }
        receiver.Count.ShouldBe(20);
    }

    [Theory]
    [InlineData("disable", "endpoint_disabled")]
    [InlineData("delete", "endpoint_deleted")]
    [InlineData("paused then disable", "endpoint_disabled")]
    public async Task Disabling_and_deleting_cancel_what_is_pending(string how, string reason)
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3600 })}";
        var message = await Server.Send(app);
        await NextAfter(Server, app, message, 1);
        if (how.StartsWith("paused", StringComparison.Ordinal))
        {
            (await Server.Patch(path, new { paused = true })).Expect(200);
        }

        (how == "delete" ? await Server.Delete(path) : await Server.Patch(path, new { enabled = false })).Expect(200);

        var canceled = await Server.Message(app, message);
        canceled.GetProperty("status").GetString().ShouldBe("canceled");
        canceled.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe(reason);
        canceled.GetProperty("deliveries")[0].GetProperty("nextAttemptAt").ValueKind.ShouldBe(JsonValueKind.Null);
        if (how != "delete")
        {
            (await Server.Patch(path, new { enabled = true, paused = false })).Expect(200);
            (await Server.Message(app, message)).GetProperty("status").GetString().ShouldBe("canceled");
        }
    }

    [Fact]
    public async Task A_message_for_later_waits_for_its_time_also_over_a_restart()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        async Task<string> Later(TimeSpan wait) => (await server.Post(
            $"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", deliverAt = clock.GetUtcNow() + wait })).Expect(202).Text("messageId");
        var inAnHour = await Later(TimeSpan.FromHours(1));
        var inTwo = await Later(TimeSpan.FromHours(2));
        var now = await server.Send(app);
        await server.WaitForMessage(app, now, "succeeded");
        clock.Advance(TimeSpan.FromMinutes(59));
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        receiver.Requests.ShouldNotContain(request => request.Headers["webhook-id"] == inAnHour);
        (await server.Message(app, inAnHour)).GetProperty("deliveries")[0].GetProperty("nextAttemptAt").GetDateTimeOffset()
            .ShouldBe((await server.Message(app, inAnHour)).GetProperty("deliverAt").GetDateTimeOffset());

        clock.Advance(TimeSpan.FromMinutes(1.1));
        await server.WaitForMessage(app, inAnHour, "succeeded");
        await server.Restart();
        (await server.Message(app, inTwo)).GetProperty("status").GetString().ShouldBe("pending");
        clock.Advance(TimeSpan.FromHours(1));
        await server.WaitForMessage(app, inTwo, "succeeded");
        receiver.Count.ShouldBe(4);
    }

    [Fact]
    public async Task A_restart_resumes_retries_and_what_was_in_flight()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        await using var hanging = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        hanging.Respond((_, _) => release.Task);
        receiver.RespondWith(500, 200);
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 1 });
        await server.CreateEndpoint(app, hanging.Url, recipient: "hanging");
        var retried = await server.Send(app);
        var inFlight = await server.Send(app, recipient: "hanging");
        await NextAfter(server, app, retried, 1);
        await hanging.WaitFor(1);

        await server.Restart(impatient: true);
        release.SetResult();

        await server.WaitForMessage(app, retried, "succeeded");
        await server.WaitForMessage(app, inFlight, "succeeded");
        hanging.Requests.Select(request => request.Headers["webhook-id"]).ShouldAllBe(id => id == inFlight);
        (await server.Attempts(app, retried)).Select(attempt => attempt.GetProperty("number").GetInt32()).ShouldBe([1, 2]);
    }

    [Fact]
    public async Task A_graceful_stop_finishes_and_records_what_is_in_flight()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        receiver.Respond((_, _) => release.Task);
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var message = await server.Send(app);
        await receiver.WaitFor(1);

        var stopped = server.Restart();
        stopped.IsCompleted.ShouldBeFalse();
        release.SetResult();
        await stopped;

        (await server.Message(app, message)).GetProperty("status").GetString().ShouldBe("succeeded");
        receiver.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_ordered_endpoint_keeps_acceptance_order_behind_a_failing_head()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Deliveries:RetrySchedule"] = "00:00:01,00:00:00.100" });
        await using var receiver = await ReceiverStub.Start();
        var fails = new ConcurrentDictionary<string, int>();
        var answered = new ConcurrentQueue<string>();
        receiver.Respond((request, context) =>
        {
            var n = JsonElement.Parse(request.Body).GetProperty("data").GetProperty("n").GetInt32();
            var failing = n is 0 or 17 && fails.AddOrUpdate(n.ToString(), 1, (_, count) => count + 1) <= 2;
            context.Response.StatusCode = failing ? 500 : 200;
            if (!failing)
            {
                answered.Enqueue(n.ToString());
            }
            return Task.CompletedTask;
        });
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url, new { ordered = true, retryBackoffSeconds = 1 });
        string last = "";
        for (var n = 0; n < 40; n++)
        {
            last = await server.Send(app, new { n });
        }

        await server.WaitForMessage(app, last, "succeeded");
        answered.ShouldBe(Enumerable.Range(0, 40).Select(n => n.ToString()));
    }

    [Fact]
    public async Task An_ordered_head_that_exhausts_lets_the_rest_go()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { ordered = true, retryMaxAttempts = 1 });
        var head = await Server.Send(app);
        var next = await Server.Send(app);
        await Server.WaitForMessage(app, head, "failed");
        await Server.WaitForMessage(app, next, "succeeded");
    }

    [Fact]
    public async Task A_rate_limit_spreads_what_was_sent_at_once_and_one_by_one()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url, new { rateLimitPerMinute = 60 });
        // An earlier process may have sent to it: the limit begins with a wait.
        clock.Advance(TimeSpan.FromSeconds(1));
        var messages = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            messages.Add(await server.Send(app));
        }

        for (var i = 0; i < 4; i++)
        {
            await server.WaitForMessage(app, messages[i], "succeeded");
            receiver.Count.ShouldBe(i + 1);
            if (i < 3)
            {
                clock.Advance(TimeSpan.FromSeconds(1));
            }
        }
        // The queue is empty now, and the limit still holds.
        var late = await server.Send(app);
        clock.Advance(TimeSpan.FromSeconds(0.9));
        var quick = await server.CreateApp();
        await server.CreateEndpoint(quick, receiver.UrlFor("/quick"));
        await server.WaitForMessage(quick, await server.Send(quick), "succeeded");
        (await server.Message(app, late)).GetProperty("status").GetString().ShouldBe("pending");
        clock.Advance(TimeSpan.FromSeconds(0.2));
        await server.WaitForMessage(app, late, "succeeded");
    }

    [Fact]
    public async Task Five_thousand_messages_to_one_endpoint_arrive_exactly_once_each()
    {
        const int Messages = 5_000;
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.KeepRequests = false;
        var seen = new ConcurrentDictionary<string, int>();
        receiver.Respond((_, context) =>
        {
            seen.AddOrUpdate(context.Request.Headers["webhook-id"].ToString(), 1, (_, count) => count + 1);
            return Task.Delay(2);
        });
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var sent = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Messages), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) => sent.Add(await server.Send(app)));

        await receiver.WaitFor(Messages, TimeSpan.FromSeconds(60));
        await TestServer.Until(async () => (await server.Get($"/api/v1/apps/{app}/messages?status=pending&limit=1")).Items.Length == 0);
        seen.Count.ShouldBe(Messages);
        seen.Values.ShouldAllBe(count => count == 1);
        seen.Keys.ShouldBe(sent, ignoreOrder: true);
    }

    [Fact]
    public async Task An_address_that_is_not_allowed_is_refused_unless_the_operator_allows_it()
    {
        await using var receiver = await ReceiverStub.Start();
        var settings = new Dictionary<string, string?> { ["Hookway:PublicUrl"] = "https://hooks.example.com" };
        await using (var server = await TestServer.Start(settings))
        {
            var app = await server.CreateApp();
            (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = receiver.Url })).ExpectInvalid("url");
        }
        settings["Hookway:Deliveries:AllowedNetworks"] = "127.0.0.0/8";
        await using (var server = await TestServer.Start(settings))
        {
            var app = await server.CreateApp();
            await server.CreateEndpoint(app, receiver.Url);
            await server.WaitForMessage(app, await server.Send(app), "succeeded");
        }
    }

    [Fact]
    public async Task A_receiver_that_fails_every_message_is_seen_as_failing()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 });
        for (var i = 0; i < TargetCircuit.FailuresThatOpen; i++)
        {
            (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status").ShouldBe("healthy");
            await Server.WaitForMessage(app, await Server.Send(app), "failed");
        }
        (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status").ShouldBe("failing");
    }

    [Fact]
    public async Task One_place_in_flight_serves_a_failing_receiver_too()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Deliveries:MaxInFlight"] = "1" });
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 1 });
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
    }

    [Fact]
    public async Task What_found_no_room_here_costs_no_attempt_and_goes_a_second_later()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var calls = 0;
        var crowded = new AttemptResult(AttemptOutcome.Dns, null, [], [], TimeSpan.Zero, null, ResponseDirective.None, "Many.") { WasNotMade = true };
        await using var receiver = await ReceiverStub.Start();
        await using var server = await TestServer.Start(clock: clock, replace: services => services.AddSingleton<SendRequest>(provider =>
            (request, cancel) => Interlocked.Increment(ref calls) <= 2 ? Task.FromResult(crowded) : provider.GetRequiredService<DeliverySender>().Send(request, cancel)));
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        var message = await server.Send(app);
        for (var i = 1; i <= 2; i++)
        {
            await TestServer.Until(() => Volatile.Read(ref calls) == i && server.Services.GetRequiredService<DeliverySchedule>().UnderWay == 0);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        await server.WaitForMessage(app, message, "succeeded");
        (await server.Attempts(app, message)).Length.ShouldBe(1);
        (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status").ShouldBe("healthy");
    }

    private static double Planned(JsonElement attempt) =>
        (attempt.GetProperty("nextAttemptAt").GetDateTimeOffset() - attempt.GetProperty("startedAt").GetDateTimeOffset()).TotalSeconds;

    private static async Task<DateTimeOffset> NextAfter(TestServer server, string app, string message, int attempts)
    {
        var found = await server.WaitForMessage(app, message, state => state.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == attempts);
        return found.GetProperty("deliveries")[0].GetProperty("nextAttemptAt").GetDateTimeOffset();
    }
}
