using Hookway.Api;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;

namespace Hookway.Dispatch.Refusals;

/// <summary>A send that an app refused, as it is kept: who and what it was for, and why not, without what it carried.</summary>
/// <param name="No">Its place among the refused.</param>
/// <param name="Recipient">As it was given, or found by a routing key; null when it could not be read.</param>
/// <param name="Type">The same of the event type.</param>
/// <param name="MessageId">The caller's own id, when one was given.</param>
/// <param name="Code">Of the problem that was answered.</param>
public sealed record RefusedSend(
    long No, DateTimeOffset At, string? Recipient, string? Type, string? MessageId, int Status, string Code, string Detail, string RequestId)
{
    private const int MostDetailCharacters = 500;

    /// <param name="draft">What could be read of the send; null when nothing.</param>
    public static RefusedSend Of(Problem problem, SendGlimpse? draft, string requestId, DateTimeOffset at) => new(
        0, at, Clip(draft?.Recipient, Recipients.Recipient.MostIdCharacters), Clip(draft?.Type, EventType.MostNameCharacters), Clip(draft?.MessageId, Message.MostIdCharacters),
        problem.Status, problem.Code, Clip(problem.Detail, MostDetailCharacters)!, requestId);

    /// <summary>A text that was refused may be of any length, and hold what no store can.</summary>
    private static string? Clip(string? text, int most)
    {
        var kept = text?.Replace('\0', '\uFFFD');
        return kept is null || kept.Length <= most ? kept : kept[..(char.IsHighSurrogate(kept[most - 1]) ? most - 1 : most)];
    }
}

/// <summary>What could be read of a send that was refused.</summary>
public sealed record SendGlimpse(string? Recipient, string? Type, string? MessageId);
