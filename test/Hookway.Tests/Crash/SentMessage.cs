namespace Hookway.Tests.Crash;

/// <summary>A message of the load, and what its sender was told about it.</summary>
/// <param name="Tag">Counts the messages in the order in which they were made; it is in the data, so that a message without an answer is known too.</param>
/// <param name="Key">Its own <c>messageId</c>, or its idempotency key; null for a message that cannot be sent again.</param>
public sealed record SentMessage(int Tag, string Recipient, string? Key, bool KeyIsId, string Data)
{
    private int acknowledged;
    private int unanswered;
    private int first;

    /// <summary>A 202 came: it must be delivered.</summary>
    public bool Acknowledged => acknowledged > 0;

    /// <summary>A request for it ended without an answer when the server was killed: it may be delivered.</summary>
    public bool Unanswered => unanswered > 0;

    /// <summary>How many 202s said that it was not there before.</summary>
    public int Firsts => first;

    /// <summary>The id that an answer gave it; null while none could be read.</summary>
    public string? MessageId { get; private set; }

    public void Acknowledge() => Interlocked.Increment(ref acknowledged);

    public void GoUnanswered() => Interlocked.Increment(ref unanswered);

    /// <summary>Takes in the body of a 202; answers what is wrong with it.</summary>
    public string? Identify(string messageId, bool duplicate)
    {
        if (!duplicate)
        {
            Interlocked.Increment(ref first);
        }

        var known = MessageId ?? (KeyIsId ? Key : messageId);
        MessageId = messageId;
        return known == messageId ? null : $"message {Tag} was first {known} and then {messageId}";
    }
}
