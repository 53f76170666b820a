using Hookway.Deliveries.Stats;

namespace Hookway.Ui;

/// <summary>A time back from now that a chart shows; which one is in the page's address.</summary>
/// <param name="Key">In the address.</param>
public sealed record StatWindow(string Key, string Text, TimeSpan Length)
{
    private static readonly TimeSpan Young = TimeSpan.FromHours(3);

    public static IReadOnlyList<StatWindow> All { get; } =
    [
        new("1h", "Hour", TimeSpan.FromHours(1)), new("24h", "Day", TimeSpan.FromDays(1)), new("7d", "Week", TimeSpan.FromDays(7)), new("30d", "30 days", TimeSpan.FromDays(30)),
    ];

    /// <summary>The one that is asked for; otherwise a day, or an hour of what is not much older.</summary>
    public static StatWindow Of(string? key, TimeSpan age) => All.FirstOrDefault(window => window.Key == key) ?? All[age < Young ? 0 : 1];

    /// <summary>The steps of a series as the bars of a chart: those beyond what fits are put together.</summary>
    public static IReadOnlyList<BarSlot> Bars(TargetStats stats, int most = 72)
    {
        var each = Math.Max(1, (stats.Series.Count + most - 1) / most);
        var withDate = stats.Until - stats.Since > TimeSpan.FromHours(30);
        return [.. stats.Series.Chunk(each).Select(points => new BarSlot(
            points[0].At, points[0].At.UtcDateTime.ToString(withDate ? "d MMM" : "HH:mm", System.Globalization.CultureInfo.InvariantCulture),
            [("good", points.Sum(point => point.Succeeded)), ("bad", points.Sum(point => point.Failed))]))];
    }
}
