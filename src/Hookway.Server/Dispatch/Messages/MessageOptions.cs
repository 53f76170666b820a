namespace Hookway.Dispatch.Messages;

/// <summary>Limits on what a message may carry.</summary>
public sealed record MessageOptions
{
    /// <summary>The most bytes of <c>data</c>.</summary>
    public int PayloadBytes { get; init; } = 1_048_576;
}
