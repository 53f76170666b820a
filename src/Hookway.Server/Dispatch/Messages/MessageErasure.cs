using Hookway.Dispatch.Recipients;

namespace Hookway.Dispatch.Messages;

/// <summary>Erases messages for good, in steps that leave room for other writers.</summary>
public sealed class MessageErasure(MessageStore messages)
{
    private const int Step = 200;

    /// <summary>Erases every message of a recipient, with its deliveries, attempts and keys.</summary>
    public async Task EraseRecipient(Recipient recipient)
    {
        while (await messages.EraseSome(recipient, Step) == Step)
        {
        }
    }
}
