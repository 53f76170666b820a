using Hookway.Deliveries;
using Hookway.Deliveries.Replays;

namespace Hookway.Tests.Deliveries;

public class ReplaySelectionTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(DeliveryStatus.Succeeded, null, 1, "-a")]
    [InlineData(DeliveryStatus.Failed, DeliveryChange.AttemptsExhausted, 3, "fa")]
    [InlineData(DeliveryStatus.Failed, DeliveryChange.ReceiverAborted, 1, "fa")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.TargetDisabled, 0, "fa")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.TargetDeleted, 0, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.AppArchived, 1, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.SourceArchived, 1, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.Expired, 1, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.CanceledByPerson, 0, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.ContentErased, 0, "--")]
    [InlineData(DeliveryStatus.Canceled, DeliveryChange.ReplayCanceled, 0, "fa")]
    [InlineData(DeliveryStatus.Pending, null, 1, "-a")]
    public void Each_wish_takes_what_it_says(DeliveryStatus status, DeliveryChange? ended, int attempts, string taken)
    {
        var found = new ReplayCandidate(status, ended?.Reason(), attempts > 0 && status is not DeliveryStatus.Succeeded ? "timeout" : null, attempts, Now.AddHours(1));
        ReplaySelection.Wants(ReplayWish.Failed, found, Now).ShouldBe(taken[0] == 'f');
        ReplaySelection.Wants(ReplayWish.All, found, Now).ShouldBe(taken[1] == 'a');
        ReplaySelection.Wants(ReplayWish.Missing, found, Now).ShouldBeFalse();
        ReplaySelection.Wants(ReplayWish.ThisOne, found, Now).ShouldBeTrue();
    }

    [Fact]
    public void Every_way_to_be_canceled_is_in_the_table_above()
    {
        var canceled = Enum.GetValues<DeliveryChange>().Where(change => DeliveryStates.After(DeliveryStatus.Pending, change) is DeliveryStatus.Canceled);
        var named = typeof(ReplaySelectionTests).GetMethod(nameof(Each_wish_takes_what_it_says))!.GetCustomAttributesData()
            .Where(data => data.AttributeType == typeof(InlineDataAttribute))
            .Select(data => ((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)data.ConstructorArguments[0].Value!)[1].Value).OfType<int>().Select(value => (DeliveryChange)value);
        canceled.Except(named).ShouldBeEmpty();
    }

    [Fact]
    public void A_canceled_replay_leaves_what_had_arrived_before_it_alone()
    {
        var arrived = new ReplayCandidate(DeliveryStatus.Canceled, DeliveryChange.ReplayCanceled.Reason(), LastError: null, AttemptCount: 2, null);
        ReplaySelection.Wants(ReplayWish.Failed, arrived, Now).ShouldBeFalse();
        ReplaySelection.Wants(ReplayWish.Failed, arrived with { LastError = "http_status" }, Now).ShouldBeTrue();
    }

    [Fact]
    public void What_is_to_be_sent_later_keeps_its_time()
    {
        var scheduled = new ReplayCandidate(DeliveryStatus.Pending, null, null, 0, Now.AddDays(1));
        ReplaySelection.Wants(ReplayWish.All, scheduled, Now).ShouldBeFalse();
        ReplaySelection.Wants(ReplayWish.All, scheduled with { NextAttemptAt = Now }, Now).ShouldBeTrue();
        ReplaySelection.Wants(ReplayWish.ThisOne, scheduled, Now).ShouldBeTrue();
    }

    [Fact]
    public void What_is_not_there_is_made_unless_only_the_failed_are_wanted()
    {
        ReplaySelection.Wants(ReplayWish.Failed, null, Now).ShouldBeFalse();
        ReplaySelection.Wants(ReplayWish.Missing, null, Now).ShouldBeTrue();
        ReplaySelection.Wants(ReplayWish.All, null, Now).ShouldBeTrue();
        ReplaySelection.Wants(ReplayWish.ThisOne, null, Now).ShouldBeTrue();
    }
}
