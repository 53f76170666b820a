using Hookway.Access;
using Hookway.Access.Portals;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Dispatch.Endpoints;

/// <summary>
/// Takes endpoints out of service: first the change that stops new deliveries, then the end of those that were pending, in steps. What a crash leaves
/// pending in between is ended by the engine when it next reads the target.
/// </summary>
public sealed class EndpointRemoval(
    AppStore apps, EndpointStore endpoints, PortalSessionStore portals, DeliveryStore deliveries, DeliverySchedule schedule, Configuration configuration, TimeProvider clock)
{
    /// <summary>Deletes one endpoint; null when there is none.</summary>
    public async Task<WebhookEndpoint?> Remove(App app, Actor by, string endpointId)
    {
        if (await endpoints.Update(app, by, "endpoint.deleted", endpointId, endpoint => endpoint with { DeletedAt = clock.GetUtcNow() }) is not { } removed)
        {
            return null;
        }
        await EndOrLeave(removed.No);
        return removed;
    }

    /// <summary>Deletes a recipient and its endpoints; answers the last message accepted before that, which bounds what a purge may erase.</summary>
    public async Task<long> RemoveRecipient(App app, Actor by, Recipient recipient, bool purge)
    {
        var (numbers, lastSeq) = await configuration.Change(by, async (session, touched) =>
        {
            var now = clock.GetUtcNow();
            var deleted = await endpoints.DeleteOfRecipient(session, touched, app, recipient, purge);
            await RecipientStore.Delete(session, recipient.No, purge, now);
            await portals.RevokeAll(session, touched, app.AppId, recipient.Id);
            if (purge)
            {
                await IssueStore.Erase(session, app.AppId, recipient.Id);
            }
            // Later than what is told of its endpoints.
            touched.Record(
                app.WorkspaceNo, clock.GetUtcNow(), purge ? "recipient.purged" : "recipient.deleted", Recipient.AuditName(app.AppId, recipient.Id),
                purge ? null : RecipientResource.Of(recipient), null);
            return (deleted, await MessageStore.LastSeq(session.Connection));
        });
        foreach (var no in numbers)
        {
            await EndOrLeave(no);
        }
        return lastSeq;
    }

    /// <summary>Archives an app and ends what is pending in it, also what an earlier call left; null when there is no such app.</summary>
    public async Task<App?> ArchiveApp(Caller caller, string appId)
    {
        if ((await apps.Archive(caller, appId, End) ?? (await apps.View(caller, appId))?.App) is not { } app)
        {
            return null;
        }
        foreach (var no in await endpoints.WithPendingDeliveries(app.No))
        {
            await EndOrLeave(no);
            schedule.Refresh(no);
        }
        return app;
    }

    /// <summary>What is void with an app, in the transaction that archives it.</summary>
    private async Task End(WriteSession session, ChangedSubjects touched, App app)
    {
        await EndpointStore.TouchPending(session, touched, app);
        await portals.RevokeAll(session, touched, app.AppId, recipient: null);
    }

    /// <summary>Ends what is pending for an endpoint, as long as it is out of service: it may be taken back into service, with new work, while this runs.</summary>
    /// <exception cref="StorageUnavailableException">Some may still be pending.</exception>
    public Task EndAll(long no) => deliveries.EndAll(no, session => EndpointStore.EndedNow(session, no));

    /// <summary>The same after a change that is stored already: while the store is away the rest is left to the engine, which tries until it is done.</summary>
    public async Task EndOrLeave(long no)
    {
        try
        {
            await EndAll(no);
        }
        catch (StorageUnavailableException)
        {
            schedule.Refresh(no);
        }
    }
}
