using Hookway.Dispatch.Recipients;

namespace Hookway.Dispatch.Messages;

/// <summary>Erases messages for good, in steps that leave room for other writers.</summary>
public sealed class MessageErasure(MessageStore messages)
{
    private const int Step = 200;

    /// <summary>Erases the messages of a recipient, with their deliveries, attempts and keys.</summary>
    /// <param name="lastSeq">The last that may go: what is accepted while this runs is answered for and stays.</param>
    public async Task EraseRecipient(Recipient recipient, long lastSeq)
    {
        while (await messages.EraseSome(recipient, lastSeq, Step) == Step)
        {
        }
    }
}
