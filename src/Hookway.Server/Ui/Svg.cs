using System.Globalization;

namespace Hookway.Ui;

/// <summary>Numbers for drawings, and the scales they are drawn to.</summary>
public static class Svg
{
    public static string N(double value) => Math.Round(value, 2).ToString(CultureInfo.InvariantCulture);

    /// <summary>A round number whose half is round as well and that is at least this: where an axis ends.</summary>
    public static double Ceiling(double most)
    {
        if (most <= 1)
        {
            return 1;
        }
        var power = Math.Pow(10, Math.Floor(Math.Log10(most)));
        return new[] { 1.0, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10 }.Select(step => step * power).First(value => value >= most);
    }
}
