namespace Hookway.Ui;

/// <summary>One slot of a bar chart: its time, its label, and its parts from the bottom up.</summary>
/// <param name="Parts">Each a tone (good, bad, warn, info, idle) and how many.</param>
public sealed record BarSlot(DateTimeOffset At, string Label, IReadOnlyList<(string Tone, long Count)> Parts);
