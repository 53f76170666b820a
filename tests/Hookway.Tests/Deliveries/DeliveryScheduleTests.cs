using Hookway.Deliveries;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

public class DeliveryScheduleTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void A_hand_off_during_a_read_is_neither_lost_nor_doubled()
    {
        var schedule = Schedule();
        schedule.Refresh(1);
        var read = Take(schedule);
        read.Delivery.ShouldBeNull();
        schedule.HandOff(Target(1), Delivery(1, 7));
        // The read may or may not have seen it: here it has.
        End(schedule, read, Target(1), [Delivery(1, 7)], null);

        var taken = TakeAll(schedule, storeHas: [7]);
        taken.ShouldBe([7]);
    }

    [Fact]
    public void A_hand_off_that_a_read_under_way_missed_is_read_again()
    {
        var schedule = Schedule();
        schedule.Refresh(1);
        var read = Take(schedule);
        schedule.HandOff(Target(1), Delivery(1, 7));
        End(schedule, read, Target(1), [], null);

        TakeAll(schedule, storeHas: [7]).ShouldBe([7]);
    }

    [Fact]
    public void What_ended_while_a_read_was_under_way_is_not_taken_again()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(1), Delivery(1, 7));
        var attempt = Take(schedule);
        attempt.Delivery!.MessageSeq.ShouldBe(7);
        schedule.Refresh(1);
        var read = Take(schedule);
        read.Delivery.ShouldBeNull();
        schedule.Finished(attempt, succeeded: true, nextAttemptAt: null);
        End(schedule, read, Target(1), [Delivery(1, 7)], null);

        TakeAll(schedule, storeHas: []).ShouldBeEmpty();
    }

    [Fact]
    public void What_is_in_flight_is_not_taken_again_by_a_read()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(1), Delivery(1, 7));
        Take(schedule);
        schedule.Refresh(1);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7)], null);
        schedule.TryTake(out _).ShouldBeFalse();
    }

    [Fact]
    public void A_change_during_a_read_makes_its_settings_void()
    {
        var schedule = Schedule();
        schedule.Refresh(1);
        var read = Take(schedule);
        schedule.Refresh(1);
        var rows = Enumerable.Range(1, 100).Select(seq => Delivery(1, seq)).ToList();
        End(schedule, read, Target(1), rows, null);

        var again = Take(schedule);
        again.Delivery.ShouldBeNull();
        End(schedule, again, Target(1) with { Ordered = true }, rows, null);
        Take(schedule).Delivery!.MessageSeq.ShouldBe(1);
        schedule.TryTake(out _).ShouldBeFalse();
    }

    [Fact]
    public void No_more_than_the_caps_are_in_flight()
    {
        var schedule = Schedule(new DeliveryOptions { MaxInFlight = 10, MaxInFlightPerTarget = 4 });
        for (var target = 1; target <= 5; target++)
        {
            for (var seq = 0; seq < 20; seq++)
            {
                schedule.HandOff(Target(target), Delivery(target, (target * 100) + seq));
            }
        }
        var inFlight = new List<ScheduledWork>();
        var finished = 0;
        while (finished < 100)
        {
            while (schedule.TryTake(out var work))
            {
                inFlight.Add(work);
            }
            inFlight.Count.ShouldBeLessThanOrEqualTo(10);
            inFlight.GroupBy(work => work.TargetNo).ShouldAllBe(group => group.Count() <= 4);
            schedule.UnderWay.ShouldBe(inFlight.Count);
            schedule.Finished(inFlight[0], succeeded: true, nextAttemptAt: null);
            inFlight.RemoveAt(0);
            finished++;
        }
        schedule.UnderWay.ShouldBe(0);
    }

    [Fact]
    public void One_place_serves_a_failing_target_too()
    {
        var schedule = Schedule(new DeliveryOptions { MaxInFlight = 1 });
        schedule.HandOff(Target(1), Delivery(1, 1));
        Fail(schedule, Take(schedule));
        schedule.HandOff(Target(1), Delivery(1, 2));
        Take(schedule).Delivery!.MessageSeq.ShouldBe(2);
    }

    [Fact]
    public void A_target_that_failed_and_has_nothing_more_to_do_leaves_memory_and_its_failures_count_on()
    {
        var schedule = Schedule();
        for (var i = 1; i < TargetCircuit.FailuresThatOpen; i++)
        {
            schedule.HandOff(Target(1), Delivery(1, i));
            var work = Take(schedule);
            schedule.KnowsFailures(work).ShouldBeFalse();
            schedule.Learn(work, new RecentFailures(i - 1, _clock.GetUtcNow()));
            Fail(schedule, work);
            schedule.Count().Targets.ShouldBe(0);
        }
        schedule.HandOff(Target(1), Delivery(1, 100));
        var last = Take(schedule);
        schedule.Learn(last, new RecentFailures(TargetCircuit.FailuresThatOpen - 1, _clock.GetUtcNow()));
        schedule.Judge(last, succeeded: false, _clock.GetUtcNow())!.Step.ShouldBe(CircuitStep.Opened);
    }

    [Fact]
    public void Memory_is_bounded_and_the_rest_is_read_when_there_is_room()
    {
        var schedule = Schedule(new DeliveryOptions { ReadyPerTarget = 16, MaxInFlight = 4 });
        for (var seq = 0; seq < 1_000; seq++)
        {
            schedule.HandOff(Target(1), Delivery(1, seq));
        }
        TakeAll(schedule, storeHas: [.. Enumerable.Range(0, 1_000).Select(seq => (long)seq)]).Order().ShouldBe(Enumerable.Range(0, 1_000).Select(seq => (long)seq));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(600)]
    public void All_that_waits_for_a_rate_limit_goes_in_its_time(int limit)
    {
        var schedule = Schedule();
        var target = Target(1) with { RateLimitPerMinute = limit };
        var store = new SortedSet<long>(Enumerable.Range(1, 300).Select(seq => (long)seq));
        store.ToList().ForEach(seq => schedule.HandOff(target, Delivery(1, seq)));
        var taken = new List<long>();
        for (var i = 0; i < 400; i++)
        {
            taken.AddRange(TakeAll(schedule, store, target));
            _clock.Advance(TimeSpan.FromMinutes(1) / limit);
        }
        taken.Order().ShouldBe(Enumerable.Range(1, 300).Select(seq => (long)seq));
    }

    [Fact]
    public void A_rate_limit_spaces_attempts_evenly_and_survives_an_empty_queue()
    {
        var schedule = Schedule();
        var target = Target(1) with { RateLimitPerMinute = 60 };
        for (var seq = 0; seq < 3; seq++)
        {
            schedule.HandOff(target, Delivery(1, seq));
            if (seq > 0)
            {
                schedule.TryTake(out _).ShouldBeFalse();
                schedule.UntilNextWake().ShouldBe(TimeSpan.FromSeconds(1));
                _clock.Advance(TimeSpan.FromSeconds(1));
            }
            schedule.Finished(Take(schedule), succeeded: true, nextAttemptAt: null);
        }
    }

    [Fact]
    public void An_ordered_target_has_one_in_flight_and_waits_behind_its_failing_head()
    {
        var schedule = Schedule();
        var target = Target(1) with { Ordered = true };
        for (var seq = 1; seq <= 3; seq++)
        {
            schedule.HandOff(target, Delivery(1, seq));
        }
        var head = Take(schedule);
        head.Delivery!.MessageSeq.ShouldBe(1);
        schedule.TryTake(out _).ShouldBeFalse();
        var due = _clock.GetUtcNow().AddSeconds(5);
        schedule.Finished(head, succeeded: false, nextAttemptAt: due);
        // Nothing goes before the head, and nothing is read for what is accepted meanwhile.
        schedule.HandOff(target, Delivery(1, 4));
        schedule.TryTake(out _).ShouldBeFalse();
        _clock.Advance(TimeSpan.FromSeconds(5));
        var read = Take(schedule);
        read.Delivery.ShouldBeNull();
        End(schedule, read, target, [Delivery(1, 1), Delivery(1, 2), Delivery(1, 3), Delivery(1, 4)], null);
        for (var seq = 1; seq <= 4; seq++)
        {
            var work = Take(schedule);
            work.Delivery!.MessageSeq.ShouldBe(seq);
            schedule.TryTake(out _).ShouldBeFalse();
            schedule.Finished(work, succeeded: true, nextAttemptAt: null);
        }
    }

    [Fact]
    public void A_head_that_a_read_finds_waiting_holds_what_is_accepted_meanwhile_without_further_reads()
    {
        var schedule = Schedule();
        var target = Target(1) with { Ordered = true };
        schedule.Refresh(1);
        var due = _clock.GetUtcNow().AddSeconds(5);
        schedule.ReadEnded(Take(schedule), target, null, new DueDeliveries([], due, due));
        for (var seq = 2; seq <= 100; seq++)
        {
            schedule.HandOff(target, Delivery(1, seq));
            schedule.TryTake(out _).ShouldBeFalse();
        }
        _clock.Advance(TimeSpan.FromSeconds(5));
        Take(schedule).Delivery.ShouldBeNull();
    }

    [Fact]
    public void A_failing_head_holds_the_rest_though_a_read_was_under_way()
    {
        var schedule = Schedule();
        var target = Target(1) with { Ordered = true };
        schedule.HandOff(target, Delivery(1, 1));
        var head = Take(schedule);
        schedule.WakeAt(1, _clock.GetUtcNow());
        var read = Take(schedule);
        read.Delivery.ShouldBeNull();
        schedule.Finished(head, succeeded: false, nextAttemptAt: _clock.GetUtcNow().AddSeconds(5));
        // It saw the store before the head's retry was in it.
        End(schedule, read, target, [Delivery(1, 1), Delivery(1, 2)], null);
        schedule.TryTake(out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_head_that_was_taken_back_between_the_record_of_its_attempt_and_the_word_of_it_holds_nothing(bool isReadBefore)
    {
        var schedule = Schedule();
        var target = Target(1) with { Ordered = true };
        schedule.HandOff(target, Delivery(1, 1));
        var head = Take(schedule);
        schedule.Refresh(1);
        var read = Take(schedule);
        if (isReadBefore)
        {
            End(schedule, read, target, [Delivery(1, 2)], null);
        }
        schedule.Finished(head, succeeded: false, nextAttemptAt: _clock.GetUtcNow().AddHours(24));
        if (!isReadBefore)
        {
            End(schedule, read, target, [Delivery(1, 1), Delivery(1, 2)], null);
            schedule.TryTake(out var again).ShouldBeTrue();
            again.Delivery.ShouldBeNull();
            End(schedule, again, target, [Delivery(1, 2)], null);
            Take(schedule).Delivery!.MessageSeq.ShouldBe(2);
            return;
        }
        End(schedule, Take(schedule), target, [Delivery(1, 2)], null);
        Take(schedule).Delivery!.MessageSeq.ShouldBe(2);
    }

    [Fact]
    public void A_replay_of_what_is_in_flight_is_taken_when_the_attempt_of_the_earlier_run_has_ended()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(1), Delivery(1, 7));
        var earlier = Take(schedule);
        schedule.Refresh(1);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7) with { Run = 1 }], null);
        schedule.TryTake(out _).ShouldBeFalse();
        schedule.Finished(earlier, succeeded: true, nextAttemptAt: null);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7) with { Run = 1 }], null);
        Take(schedule).Delivery!.Run.ShouldBe(1);
    }

    [Fact]
    public void A_replay_seen_by_a_read_during_which_the_earlier_attempt_ended_is_read_again()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(1), Delivery(1, 7));
        var earlier = Take(schedule);
        schedule.Refresh(1);
        var read = Take(schedule);
        schedule.Finished(earlier, succeeded: true, nextAttemptAt: null);
        End(schedule, read, Target(1), [Delivery(1, 7) with { Run = 1 }], null);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7) with { Run = 1 }], null);
        Take(schedule).Delivery!.Run.ShouldBe(1);
    }

    [Fact]
    public void An_attempt_that_was_not_made_is_read_again_once_the_target_may_go()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(1), Delivery(1, 7));
        var work = Take(schedule);
        // Paused, and resumed before the engine said that it made no attempt.
        schedule.Refresh(1);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7)], null);
        schedule.Finished(work, succeeded: null, nextAttemptAt: null);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7)], null);
        Take(schedule).Delivery!.MessageSeq.ShouldBe(7);
    }

    [Fact]
    public void What_a_paused_target_holds_is_not_looked_for_until_it_is_resumed()
    {
        var schedule = Schedule();
        schedule.Share(static _ => true, static () => true);
        schedule.HasMore(1);
        End(schedule, Take(schedule), Target(1) with { Paused = true }, [], null);
        schedule.HandOff(Target(1) with { Paused = true }, Delivery(1, 7));
        schedule.TryTake(out _).ShouldBeFalse();
        schedule.Quiet([1, 2], _clock.GetUtcNow().AddSeconds(30)).ShouldBe([2]);
        schedule.TrySuspend(1, _clock.GetUtcNow().AddSeconds(30)).IsStill.ShouldBeFalse();
        schedule.Refresh(1);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7)], null);
        Take(schedule).Delivery!.MessageSeq.ShouldBe(7);
    }

    [Fact]
    public void A_resume_during_a_read_that_still_saw_the_pause_is_not_forgotten()
    {
        var schedule = Schedule();
        schedule.Refresh(1);
        var read = Take(schedule);
        schedule.Refresh(1);
        End(schedule, read, Target(1) with { Paused = true }, [], null);
        End(schedule, Take(schedule), Target(1), [Delivery(1, 7)], null);
        Take(schedule).Delivery!.MessageSeq.ShouldBe(7);
    }

    [Fact]
    public void After_a_fault_the_target_is_left_alone_for_a_while()
    {
        var schedule = Schedule();
        foreach (var ordered in new[] { false, true })
        {
            var target = Target(ordered ? 1 : 2) with { Ordered = ordered };
            schedule.HandOff(target, Delivery(target.No, 7));
            schedule.HandOff(target, Delivery(target.No, 8));
            var work = Take(schedule);
            schedule.Finished(work, succeeded: null, nextAttemptAt: null, holdFor: TimeSpan.FromSeconds(5));
            schedule.TryTake(out _).ShouldBeFalse();
            schedule.UntilNextWake().ShouldBe(TimeSpan.FromSeconds(5));
            _clock.Advance(TimeSpan.FromSeconds(5));
            schedule.TryTake(out _).ShouldBeTrue();
            schedule.TryTake(out _);
        }
    }

    [Fact]
    public void One_timer_serves_a_target_however_often_it_wakes()
    {
        var schedule = Schedule();
        var far = _clock.GetUtcNow().AddDays(1);
        for (var cycle = 0; cycle < 1_000; cycle++)
        {
            schedule.WakeAt(1, far);
            schedule.WakeAt(1, _clock.GetUtcNow().AddSeconds(1));
            _clock.Advance(TimeSpan.FromSeconds(1));
            End(schedule, Take(schedule), Target(1), [], far);
        }
        schedule.Timers.ShouldBe(1);
    }

    [Fact]
    public void A_clock_that_is_set_back_holds_nothing_that_was_timed_here()
    {
        var clock = new SetClock(_clock);
        var schedule = new DeliverySchedule(new DeliveryOptions(), clock);
        var limited = Target(1) with { RateLimitPerMinute = 60 };
        schedule.HandOff(limited, Delivery(1, 1));
        schedule.HandOff(limited, Delivery(1, 2));
        schedule.HandOff(Target(2), Delivery(2, 1));
        schedule.Finished(Take(schedule), succeeded: true, nextAttemptAt: null);
        schedule.Finished(Take(schedule), succeeded: null, nextAttemptAt: null, holdFor: TimeSpan.FromSeconds(1));
        for (var i = 0; i < TargetCircuit.FailuresThatOpen; i++)
        {
            schedule.HandOff(Target(3), Delivery(3, i));
            var work = Take(schedule);
            schedule.Judge(work, succeeded: false, clock.GetUtcNow());
            schedule.Finished(work, succeeded: false, clock.GetUtcNow().AddDays(1));
        }
        schedule.TryTake(out _).ShouldBeFalse();
        clock.Error = TimeSpan.FromMinutes(-10);

        _clock.Advance(TimeSpan.FromSeconds(1));
        var went = new[] { Take(schedule), Take(schedule) };
        went.Select(work => (work.TargetNo, IsRead: work.Delivery is null)).ShouldBe([(1, false), (2, true)], ignoreOrder: true);
        _clock.Advance(TargetCircuit.FirstPause);
        schedule.HandOff(Target(3), Delivery(3, 100));
        var probe = Take(schedule);
        (probe.TargetNo, probe.ReadLimit).ShouldBe((3, 1));
    }

    private sealed class SetClock(TimeProvider right) : TimeProvider
    {
        public TimeSpan Error { get; set; }

        public override long TimestampFrequency => right.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => right.GetUtcNow() + Error;

        public override long GetTimestamp() => right.GetTimestamp();
    }

    private static void End(DeliverySchedule schedule, ScheduledWork read, DeliveryTarget target, IReadOnlyList<PendingDelivery> rows, DateTimeOffset? nextDue) =>
        schedule.ReadEnded(read, target, null, new DueDeliveries(rows, nextDue, HeadWaitsUntil: null));

    private DeliverySchedule Schedule(DeliveryOptions? options = null) => new(options ?? new DeliveryOptions(), _clock);

    private static DeliveryTarget Target(long no) => new(no, null, Paused: false, Ordered: false, null, 8, 5, IsFailing: false);

    private static PendingDelivery Delivery(long target, long seq) => new(seq, target, 0, DeliveryTrigger.Automatic, 0, 0);

    private void Fail(DeliverySchedule schedule, ScheduledWork work, DateTimeOffset? nextAttemptAt = null)
    {
        schedule.Judge(work, succeeded: false, _clock.GetUtcNow());
        schedule.Finished(work, succeeded: false, nextAttemptAt);
    }

    private static ScheduledWork Take(DeliverySchedule schedule)
    {
        schedule.TryTake(out var work).ShouldBeTrue();
        return work;
    }

    /// <summary>Plays the engine for target 1 over a store that holds these, until nothing is left to do.</summary>
    private static List<long> TakeAll(DeliverySchedule schedule, SortedSet<long> storeHas, DeliveryTarget? target = null)
    {
        var taken = new List<long>();
        while (schedule.TryTake(out var work))
        {
            if (work.Delivery is { } delivery)
            {
                taken.Add(delivery.MessageSeq);
                storeHas.Remove(delivery.MessageSeq);
                schedule.Finished(work, succeeded: true, nextAttemptAt: null);
            }
            else
            {
                End(schedule, work, target ?? Target(1), [.. storeHas.Take(work.ReadLimit).Select(seq => Delivery(1, seq))], null);
            }
        }
        return taken;
    }
}
