using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Dispatch.Refusals;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>Takes messages back: ends their deliveries, and erases what they carry or all of them for good.</summary>
public sealed class MessageErasure(Database database, MessageStore messages, RefusedSends refusals, DeliverySchedule schedule, TimeProvider clock)
{
    private const int Step = 200;

    /// <summary>Ends the pending deliveries of a message; false when there is no such message. An attempt in flight may still end, and changes nothing any more.</summary>
    public Task<bool> Cancel(App app, string messageId) => End(app, messageId, DeliveryChange.CanceledByPerson, (_, _) => Task.CompletedTask);

    /// <summary>Erases the data of a message and ends its pending deliveries, which have nothing left to send; its record stays. False when there is no such message.</summary>
    public Task<bool> ErasePayload(App app, string messageId) => End(app, messageId, DeliveryChange.ContentErased, MessageStore.ErasePayload);

    /// <summary>Erases the messages of a recipient, with their deliveries, attempts and keys, and what is kept of refused ones, in steps that leave room for other writers.</summary>
    /// <param name="lastSeq">The last that may go: what is accepted while this runs is answered for and stays.</param>
    public async Task EraseRecipient(Recipient recipient, long lastSeq)
    {
        while (await messages.EraseSome(recipient, lastSeq, Step) == Step)
        {
        }
        await refusals.Forget(recipient);
    }

    private async Task<bool> End(App app, string messageId, DeliveryChange change, Func<WriteSession, Message, Task> also)
    {
        var ended = await database.Write(async session =>
        {
            if (await MessageStore.FindById(session.Connection, app, messageId) is not { } message)
            {
                return null;
            }
            await also(session, message);
            return await DeliveryStore.EndOfMessage(session, message.Seq, change, clock.GetUtcNow());
        });
        foreach (var targetNo in ended ?? [])
        {
            // What waits in memory for this target was read before; the store says what is left of it.
            schedule.Refresh(targetNo);
        }
        return ended is not null;
    }
}
