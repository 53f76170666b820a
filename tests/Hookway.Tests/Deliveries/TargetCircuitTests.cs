using System.Text.Json;
using Hookway.Deliveries;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

/// <summary>A target that fails is probed by one delivery at a time, and the others wait.</summary>
public class TargetCircuitTests
{
    private static readonly TimeSpan[] Pauses = [.. new[] { 30, 60, 120, 240, 480, 600, 600 }.Select(seconds => TimeSpan.FromSeconds(seconds))];
    // Whole milliseconds, as the store keeps them.
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()));

    [Fact]
    public void Five_failures_in_a_row_open_it_and_a_success_closes_it()
    {
        var schedule = new DeliverySchedule(new DeliveryOptions(), _clock);
        var target = new DeliveryTarget(1, null, Paused: false, Ordered: false, null, 8, 5, IsFailing: false);
        bool[] outcomes = [false, false, false, false, true, false, false, false, false];
        for (var i = 0; i < outcomes.Length; i++)
        {
            Attempt(schedule, target, i, outcomes[i]).ShouldBeNull();
        }
        var firstFailure = _clock.GetUtcNow();

        var opened = Attempt(schedule, target, 100, succeeded: false)!;

        opened.Step.ShouldBe(CircuitStep.Opened);
        opened.Circuit.ShouldBe(new TargetCircuit(firstFailure, firstFailure.AddSeconds(30), TimeSpan.FromSeconds(30)));
        var circuit = opened.Circuit;
        foreach (var pause in Pauses)
        {
            schedule.HandOff(target, new PendingDelivery(200, 1, 0, DeliveryTrigger.Automatic, 0, 0));
            schedule.TryTake(out _).ShouldBeFalse();
            schedule.UntilNextWake().ShouldBe(pause);
            _clock.Advance(pause);
            var probe = Probe(schedule, target, circuit);
            if (pause == Pauses[^1])
            {
                schedule.Judge(probe, succeeded: true, _clock.GetUtcNow())!.Step.ShouldBe(CircuitStep.Closed);
                schedule.Finished(probe, succeeded: true, nextAttemptAt: null);
                break;
            }
            var failed = schedule.Judge(probe, succeeded: false, _clock.GetUtcNow())!;
            failed.Step.ShouldBe(CircuitStep.ProbeFailed);
            circuit = failed.Circuit;
            schedule.Finished(probe, succeeded: false, nextAttemptAt: null);
        }
        schedule.TryTake(out var read).ShouldBeTrue();
        read.Delivery.ShouldBeNull();
        read.ReadLimit.ShouldBeGreaterThan(100);
    }

    [Theory]
    [InlineData(20, 20)]
    [InlineData(33, 33)]
    [InlineData(3_600, 0)]
    public void A_probe_that_was_dated_by_a_clock_far_ahead_is_not_waited_for(int probeInSeconds, int waitsSeconds)
    {
        var schedule = new DeliverySchedule(new DeliveryOptions(), _clock);
        var target = new DeliveryTarget(1, null, Paused: false, Ordered: false, null, 8, 5, IsFailing: true);
        var circuit = new TargetCircuit(_clock.GetUtcNow(), _clock.GetUtcNow().AddSeconds(probeInSeconds), TimeSpan.FromSeconds(30));
        var due = new DueDeliveries([new PendingDelivery(200, 1, 0, DeliveryTrigger.Automatic, 0, 0)], null, null);
        schedule.Refresh(1);
        schedule.TryTake(out var read).ShouldBeTrue();
        schedule.ReadEnded(read, target, circuit, due);
        if (waitsSeconds > 0)
        {
            schedule.TryTake(out _).ShouldBeFalse();
            schedule.UntilNextWake().ShouldBe(TimeSpan.FromSeconds(waitsSeconds));
            _clock.Advance(TimeSpan.FromSeconds(waitsSeconds));
            schedule.TryTake(out read).ShouldBeTrue();
            schedule.ReadEnded(read, target, circuit, due);
        }
        schedule.TryTake(out var probe).ShouldBeTrue();
        probe.IsProbe.ShouldBeTrue();
    }

    [Fact]
    public async Task Others_wait_for_the_probe_and_use_up_no_attempt_and_all_of_it_survives_a_restart()
    {
        await using var server = await TestServer.Start(clock: _clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3_600 });
        for (var i = 0; i < TargetCircuit.FailuresThatOpen; i++)
        {
            if (i == TargetCircuit.FailuresThatOpen - 2)
            {
                // Failures are counted over restarts.
                await server.Restart();
            }
            await Attempted(server, app, await server.Send(app), 1);
        }
        await Status(server, app, endpoint, "failing");
        var probeAt = _clock.GetUtcNow().AddSeconds(30);
        var first = (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" })).Expect(202);
        var waiting = new List<string> { first.Text("messageId") };
        Times(first.Body.GetProperty("deliveries")[0]).ShouldBe((0, probeAt), "the answer to a send says when it may go");
        for (var i = 0; i < 20; i++)
        {
            waiting.Add(await server.Send(app));
        }
        foreach (var message in waiting)
        {
            Times((await server.Message(app, message)).GetProperty("deliveries")[0]).ShouldBe((0, probeAt));
        }
        await server.Restart();
        receiver.Count.ShouldBe(5);

        _clock.Advance(TimeSpan.FromSeconds(30.1));
        await Attempted(server, app, waiting[0], 1);
        Times((await server.Message(app, waiting[1])).GetProperty("deliveries")[0]).ShouldBe((0, _clock.GetUtcNow().AddSeconds(60)));
        await server.Restart();
        receiver.Count.ShouldBe(6);
        receiver.RespondWith(200);
        _clock.Advance(TimeSpan.FromSeconds(60.1));

        foreach (var message in waiting.Skip(1))
        {
            await server.WaitForMessage(app, message, "succeeded");
        }
        receiver.Count.ShouldBe(6 + 20);
        await Status(server, app, endpoint, "healthy");
        Times((await server.Message(app, waiting[0])).GetProperty("deliveries")[0]).Count.ShouldBe(1, "its own retry is in an hour");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_endpoint_that_fails_for_five_days_is_disabled_unless_its_failures_are_rare(bool rare)
    {
        await using var server = await TestServer.Start(clock: _clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 });
        async Task Fail()
        {
            // By then the next probe is due; later, an advance of the clock would be a timeout.
            _clock.Advance(TargetCircuit.LongestPause);
            await server.WaitForMessage(app, await server.Send(app), "failed");
        }
        for (var i = 0; i < TargetCircuit.FailuresThatOpen; i++)
        {
            await Fail();
        }
        for (var failure = 0; failure < 9; failure++)
        {
            _clock.Advance(TimeSpan.FromHours(rare ? 30 : 12.5));
            await Fail();
            await Status(server, app, endpoint, "failing");
        }
        var last = await server.Send(app);
        var behind = await server.Send(app);
        _clock.Advance(TimeSpan.FromHours(rare ? 25 : 12.5));

        await server.WaitForMessage(app, last, "failed");
        await Status(server, app, endpoint, rare ? "failing" : "disabled");
        if (!rare)
        {
            (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("disabledReason").ShouldContain("for 5 days");
            await server.WaitForMessage(app, behind, "canceled");
            // Back in service it starts afresh.
            receiver.RespondWith(500, 200);
            (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = true })).Expect(200).Text("status").ShouldBe("healthy");
            await server.WaitForMessage(app, await server.Send(app), "failed");
            await server.WaitForMessage(app, await server.Send(app), "succeeded");
        }
    }

    private CircuitChange? Attempt(DeliverySchedule schedule, DeliveryTarget target, long seq, bool succeeded)
    {
        schedule.HandOff(target, new PendingDelivery(seq, 1, 0, DeliveryTrigger.Automatic, 0, 0));
        schedule.TryTake(out var work).ShouldBeTrue();
        work.Delivery!.MessageSeq.ShouldBe(seq);
        var change = schedule.Judge(work, succeeded, _clock.GetUtcNow());
        schedule.Finished(work, succeeded, nextAttemptAt: succeeded ? null : _clock.GetUtcNow().AddDays(1));
        return change;
    }

    private static ScheduledWork Probe(DeliverySchedule schedule, DeliveryTarget target, TargetCircuit circuit)
    {
        schedule.TryTake(out var read).ShouldBeTrue();
        read.Delivery.ShouldBeNull();
        read.ReadLimit.ShouldBe(1);
        schedule.ReadEnded(read, target, circuit, new DueDeliveries([new PendingDelivery(200, 1, 0, DeliveryTrigger.Automatic, 0, 0)], null, null));
        schedule.TryTake(out var probe).ShouldBeTrue();
        probe.IsProbe.ShouldBeTrue();
        schedule.TryTake(out _).ShouldBeFalse();
        return probe;
    }

    private static (int Count, DateTimeOffset? Next) Times(JsonElement delivery) =>
        (delivery.GetProperty("attemptCount").GetInt32(), delivery.GetProperty("nextAttemptAt").GetDateTimeOffset());

    private static Task<JsonElement> Attempted(TestServer server, string app, string message, int attempts) =>
        server.WaitForMessage(app, message, state => state.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == attempts);

    private static Task Status(TestServer server, string app, string endpoint, string status) =>
        TestServer.Until(async () => (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Text("status") == status);
}
