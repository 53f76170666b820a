using System.Globalization;

namespace Hookway.Ui;

/// <summary>Numbers for drawings, and the scales they are drawn to.</summary>
public static class Svg
{
    public static string N(double value) => Math.Round(value, 2).ToString(CultureInfo.InvariantCulture);

    /// <summary>A number of one leading digit (1, 2 or 5) that is at least this: where an axis ends.</summary>
    public static double Ceiling(double most)
    {
        if (most <= 1)
        {
            return 1;
        }
        var power = Math.Pow(10, Math.Floor(Math.Log10(most)));
        return new[] { 1.0, 2, 5, 10 }.Select(step => step * power).First(value => value >= most);
    }
}
