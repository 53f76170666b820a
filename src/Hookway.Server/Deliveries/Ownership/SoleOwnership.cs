namespace Hookway.Deliveries.Ownership;

/// <summary>The one node of an embedded store has every target: a lock on the data folder keeps others away.</summary>
public sealed class SoleOwnership(DeliveryStore deliveries, DeliverySchedule schedule, TimeProvider clock) : ITargetOwnership
{
    public long Epoch => 0;

    public async Task Start()
    {
        var now = clock.GetUtcNow();
        schedule.OthersHaveSent();
        foreach (var (targetNo, dueAt) in await deliveries.TargetsWithWork())
        {
            schedule.WakeAt(targetNo, dueAt < now ? now : dueAt);
        }
    }

    public Task Stop() => Task.CompletedTask;
}
