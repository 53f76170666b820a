using Hookway.Deliveries;

namespace Hookway.Tests.Deliveries;

public class DeliveryStatesTests
{
    [Fact]
    public void An_end_state_is_left_by_a_replay_alone()
    {
        foreach (var state in new[] { DeliveryStatus.Succeeded, DeliveryStatus.Failed, DeliveryStatus.Canceled })
        {
            foreach (var change in Enum.GetValues<DeliveryChange>())
            {
                DeliveryStates.After(state, change).ShouldBe(change is DeliveryChange.Replayed ? DeliveryStatus.Pending : null);
            }
        }
    }

    [Fact]
    public void A_pending_delivery_takes_every_change()
    {
        foreach (var change in Enum.GetValues<DeliveryChange>())
        {
            DeliveryStates.After(DeliveryStatus.Pending, change).ShouldNotBeNull();
        }
    }

    [Fact]
    public void Every_end_without_success_says_why_and_nothing_else_does()
    {
        foreach (var change in Enum.GetValues<DeliveryChange>())
        {
            var ended = DeliveryStates.After(DeliveryStatus.Pending, change) is DeliveryStatus.Failed or DeliveryStatus.Canceled;
            (change.Reason() is not null).ShouldBe(ended, change.ToString());
        }
    }

    [Fact]
    public void A_pending_delivery_of_a_paused_target_is_called_held()
    {
        DeliveryStatus.Pending.Word().ShouldBe("pending");
        DeliveryStatus.Pending.Word(targetIsPaused: true).ShouldBe("held");
        DeliveryStatus.Succeeded.Word(targetIsPaused: true).ShouldBe("succeeded");
        DeliveryStatus.Failed.Word(targetIsPaused: true).ShouldBe("failed");
        DeliveryStatus.Canceled.Word(targetIsPaused: true).ShouldBe("canceled");
    }
}
