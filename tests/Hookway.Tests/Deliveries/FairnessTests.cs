using Hookway.Deliveries;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

/// <summary>Who gets the places of a node: docs/decisions/0018-places-windows-and-rings.md.</summary>
public class FairnessTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Failing_targets_use_at_most_half_of_the_places()
    {
        var schedule = Schedule(new DeliveryOptions { MaxInFlight = 8 });
        for (var target = 1; target <= 20; target++)
        {
            schedule.HandOff(Target(target), Delivery(target, target));
            Fail(schedule, Take(schedule), nextAttemptAt: _clock.GetUtcNow().AddHours(1));
        }
        for (var target = 1; target <= 20; target++)
        {
            schedule.HandOff(Target(target), Delivery(target, 100 + target));
        }
        var taken = 0;
        while (schedule.TryTake(out _))
        {
            taken++;
        }
        taken.ShouldBe(4);
        schedule.HandOff(Target(99), Delivery(99, 999));
        Take(schedule).TargetNo.ShouldBe(99);
    }

    [Fact]
    public void Slow_targets_that_answer_well_leave_those_that_are_quick_their_places()
    {
        const int Slow = 100;
        var took = TimeSpan.FromSeconds(14);
        var schedule = Schedule();
        schedule.HandOff(Target(999), Delivery(999, 1));
        Succeed(schedule, Take(schedule), TimeSpan.FromMilliseconds(20));
        var underWay = new Queue<(DateTimeOffset EndsAt, ScheduledWork Work)>();
        var (most, seq) = (0, 1_000L);
        for (var end = _clock.GetUtcNow().AddMinutes(5); _clock.GetUtcNow() < end; _clock.Advance(TimeSpan.FromSeconds(1)))
        {
            while (underWay.TryPeek(out var next) && next.EndsAt <= _clock.GetUtcNow())
            {
                Succeed(schedule, underWay.Dequeue().Work, took);
            }
            for (var target = 1; target <= Slow; target++)
            {
                schedule.HandOff(Target(target), Delivery(target, seq++));
            }
            schedule.HandOff(Target(999), Delivery(999, seq));
            var quick = 0;
            while (schedule.TryTake(out var work))
            {
                if (work.Delivery is null)
                {
                    End(schedule, work, Target(work.TargetNo), [Delivery(work.TargetNo, seq++)], null);
                }
                else if (work.TargetNo == 999)
                {
                    quick++;
                    Succeed(schedule, work, TimeSpan.FromMilliseconds(20));
                }
                else
                {
                    underWay.Enqueue((_clock.GetUtcNow() + took, work));
                }
            }
            quick.ShouldBeGreaterThan(0);
            most = Math.Max(most, underWay.Count);
            seq++;
        }
        // What is slow has half of the places, once it is known to be slow, and uses them.
        most.ShouldBeLessThanOrEqualTo(384);
        underWay.Count.ShouldBe(256);
    }

    [Fact]
    public void Any_number_of_new_targets_that_hang_leave_those_that_are_quick_their_places()
    {
        var schedule = Schedule();
        schedule.HandOff(Target(9_999), Delivery(9_999, 1));
        Succeed(schedule, Take(schedule), TimeSpan.FromMilliseconds(20));
        for (var target = 1; target <= 1_000; target++)
        {
            schedule.HandOff(Target(target), Delivery(target, target * 10));
            schedule.HandOff(Target(target), Delivery(target, (target * 10) + 1));
        }
        var hanging = 0;
        for (; schedule.TryTake(out _); hanging++)
        {
        }
        hanging.ShouldBe(384);
        schedule.HandOff(Target(9_999), Delivery(9_999, 2));
        Take(schedule).TargetNo.ShouldBe(9_999);
        schedule.TryTake(out _).ShouldBeFalse();
    }

    [Fact]
    public void A_target_that_stops_answering_is_given_no_more_than_what_is_slow_may_have()
    {
        var schedule = Schedule(new DeliveryOptions { MaxInFlight = 16, MaxInFlightPerTarget = 16 });
        for (var i = 0; i < 140; i++)
        {
            schedule.HandOff(Target(1), Delivery(1, i));
        }
        for (var i = 0; i < 100; i++)
        {
            Succeed(schedule, Take(schedule), TimeSpan.FromMilliseconds(5));
        }
        var first = Take(schedule);
        Take(schedule);
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        // Nothing has come back for a second.
        var more = 0;
        for (; schedule.TryTake(out var work); more++)
        {
            work.Standing.ShouldBe(TargetStanding.Limited);
        }
        more.ShouldBe(8);
        Succeed(schedule, first, TimeSpan.FromSeconds(1.1));
        Take(schedule).Standing.ShouldBe(TargetStanding.Quick);
    }

    [Fact]
    public void What_waits_for_rate_limits_leaves_room_for_other_targets()
    {
        const int Limited = 200;
        var schedule = Schedule(new DeliveryOptions { ReadyInAll = 2_000 });
        for (var target = 1; target <= Limited; target++)
        {
            schedule.Refresh(target);
        }
        for (var target = 1; target <= Limited; target++)
        {
            var limited = Target(target) with { RateLimitPerMinute = target % 2 == 0 ? 6 : 60 };
            var read = Take(schedule);
            End(schedule, read, limited with { No = read.TargetNo }, [.. Enumerable.Range(1, 100).Select(i => Delivery(read.TargetNo, (read.TargetNo * 1_000) + i))], null);
            for (var i = 101; i <= 150; i++)
            {
                schedule.HandOff(limited with { No = read.TargetNo }, Delivery(read.TargetNo, (read.TargetNo * 1_000) + i));
            }
        }
        schedule.HasRoom.ShouldBeTrue();
        schedule.Count().Ready.ShouldBeLessThanOrEqualTo(Limited * 8);
        schedule.HandOff(Target(999), Delivery(999, 1));
        while (schedule.TryTake(out var work))
        {
            work.Delivery.ShouldNotBeNull();
            if (work.TargetNo == 999)
            {
                return;
            }
        }
        Assert.Fail("A target without a limit waits for those that have one.");
    }

    [Fact]
    public void A_long_queue_leaves_every_other_target_its_turn()
    {
        var schedule = Schedule(new DeliveryOptions { MaxInFlight = 1, MaxInFlightPerTarget = 1 });
        for (var seq = 0; seq < 100; seq++)
        {
            schedule.HandOff(Target(1), Delivery(1, seq));
        }
        schedule.HandOff(Target(2), Delivery(2, 1_000));
        schedule.HandOff(Target(3), Delivery(3, 2_000));
        var order = new List<long>();
        for (var i = 0; i < 4; i++)
        {
            var work = Take(schedule);
            order.Add(work.TargetNo);
            schedule.Finished(work, succeeded: true, nextAttemptAt: null);
        }
        order.Take(3).Order().ShouldBe([1, 2, 3]);
    }

    private DeliverySchedule Schedule(DeliveryOptions? options = null) => new(options ?? new DeliveryOptions(), _clock);

    private static DeliveryTarget Target(long no) => new(no, null, Paused: false, Ordered: false, null, 8, 5, IsFailing: false);

    private static PendingDelivery Delivery(long target, long seq) => new(seq, target, 0, DeliveryTrigger.Automatic, 0, 0);

    private static void End(DeliverySchedule schedule, ScheduledWork read, DeliveryTarget target, IReadOnlyList<PendingDelivery> rows, DateTimeOffset? nextDue) =>
        schedule.ReadEnded(read, target, null, new DueDeliveries(rows, nextDue, HeadWaitsUntil: null));

    private void Fail(DeliverySchedule schedule, ScheduledWork work, DateTimeOffset? nextAttemptAt)
    {
        schedule.Judge(work, succeeded: false, _clock.GetUtcNow());
        schedule.Finished(work, succeeded: false, nextAttemptAt);
    }

    private static void Succeed(DeliverySchedule schedule, ScheduledWork work, TimeSpan took) => schedule.Finished(work, succeeded: true, nextAttemptAt: null, took: took);

    private static ScheduledWork Take(DeliverySchedule schedule)
    {
        schedule.TryTake(out var work).ShouldBeTrue();
        return work;
    }
}
