using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Endpoints;

/// <summary>
/// Takes endpoints out of service: first the change that stops new deliveries, then the end of those that were pending, in steps. What a crash leaves
/// pending in between is ended by the engine when it next reads the target.
/// </summary>
public sealed class EndpointRemoval(EndpointStore endpoints, DeliveryStore deliveries, DeliverySchedule schedule, Configuration configuration, TimeProvider clock)
{
    /// <summary>Deletes one endpoint; null when there is none.</summary>
    public async Task<WebhookEndpoint?> Remove(App app, string endpointId)
    {
        if (await endpoints.Update(app, endpointId, endpoint => endpoint with { DeletedAt = clock.GetUtcNow() }) is not { } removed)
        {
            return null;
        }
        await deliveries.EndAll(removed.No, DeliveryChange.TargetDeleted);
        return removed;
    }

    /// <summary>Deletes a recipient and its endpoints.</summary>
    public async Task RemoveRecipient(App app, Recipient recipient)
    {
        var numbers = await configuration.Change(async (session, touched) =>
        {
            var deleted = await endpoints.DeleteOfRecipient(session, touched, recipient);
            await RecipientStore.Delete(session, recipient.No, clock.GetUtcNow());
            return deleted;
        });
        foreach (var no in numbers)
        {
            await deliveries.EndAll(no, DeliveryChange.TargetDeleted);
        }
    }

    /// <summary>Ends what is pending in an app that was archived.</summary>
    public async Task CancelPendingOfApp(long appNo)
    {
        foreach (var no in await endpoints.WithPendingDeliveries(appNo))
        {
            await deliveries.EndAll(no, DeliveryChange.AppArchived);
            schedule.Refresh(no);
        }
    }
}
