namespace Hookway.Ui;

/// <summary>
/// The time axis of a message's attempts: from its acceptance to the last thing known of it, drawn to the logarithm, so that the first seconds and the retry of
/// tomorrow stand on one line.
/// </summary>
public sealed class AttemptScale(DateTimeOffset start, DateTimeOffset end, double left, double right)
{
    private const double TickGap = 64;

    private static readonly (double Seconds, string Text)[] Marks =
        [(0.01, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (5, "5 s"), (30, "30 s"), (60, "1 min"), (300, "5 min"), (1_800, "30 min"), (3_600, "1 h"), (21_600, "6 h"), (86_400, "1 d"), (432_000, "5 d"), (2_592_000, "30 d")];

    // Where all is over within seconds, milliseconds count.
    private readonly double _fine = (end - start).TotalSeconds < 10 ? 0.004 : 0.5;
    private double Length => Math.Log(1 + (Math.Max((end - start).TotalSeconds, 0.02) / _fine));

    public double X(DateTimeOffset at) => X((at - start).TotalSeconds);

    /// <summary>Marks that leave each other room.</summary>
    public IEnumerable<(double X, string Text)> Ticks()
    {
        var last = left;
        foreach (var (seconds, text) in Marks)
        {
            var x = X(seconds);
            if (x - last >= TickGap && right - x >= TickGap / 2)
            {
                yield return (last = x, text);
            }
        }
    }

    private double X(double seconds) => left + ((right - left) * Math.Min(1, Math.Log(1 + (Math.Max(0, seconds) / _fine)) / Length));
}
