using System.Globalization;
using Hookway.Access.Portals;

namespace Hookway.Portal;

/// <summary>The style sheet of a themed portal. A colour that cannot be read on the page's background is moved until it can.</summary>
public static class PortalStyle
{
    /// <summary>What WCAG 2.2 AA asks of text.</summary>
    public const double LeastContrast = 4.5;

    private static readonly (double, double, double) LightSurface = (0xF7, 0xF8, 0xFA);
    private static readonly (double, double, double) DarkSurface = (0x19, 0x1D, 0x27);

    public static string Of(PortalTheme theme)
    {
        var rules = "";
        if (theme.PrimaryColor is { } primary)
        {
            var (light, dark) = (Readable(primary, LightSurface), Readable(primary, DarkSurface));
            rules += $"--accent:light-dark({light},{dark});--accent-strong:light-dark({light},{dark});"
                + $"--accent-soft:light-dark(color-mix(in srgb,{light} 9%,#fff),color-mix(in srgb,{dark} 16%,#14171f));"
                + $"--on-accent:light-dark({TextOn(light)},{TextOn(dark)});";
        }
        if (theme.FontFamily is { } font)
        {
            // Names are of letters, digits, spaces, commas and hyphens: each is quoted, so that none is a keyword.
            rules += $"--font:{string.Join(',', font.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(name => $"\"{name}\""))},system-ui,sans-serif;";
        }
        return rules.Length == 0 ? "" : $":root{{{rules}}}";
    }

    /// <summary>How far two colours are apart, from 1 to 21.</summary>
    public static double Contrast(string a, string b) => Contrast(Parse(a), Parse(b));

    /// <summary>The colour, or the next one to it that can be read on a background.</summary>
    private static string Readable(string colour, (double R, double G, double B) background)
    {
        var from = Parse(colour);
        var toward = Luminance(background) > 0.5 ? (0.0, 0.0, 0.0) : (255.0, 255.0, 255.0);
        for (var share = 0.0; share <= 1; share += 0.05)
        {
            var mixed = Mix(from, toward, share);
            if (Contrast(mixed, background) >= LeastContrast)
            {
                return Text(mixed);
            }
        }
        return Text(toward);
    }

    private static string TextOn(string colour) => Contrast(colour, "#ffffff") >= Contrast(colour, "#0d0e1c") ? "#ffffff" : "#0d0e1c";

    private static double Contrast((double, double, double) a, (double, double, double) b)
    {
        var (x, y) = (Luminance(a) + 0.05, Luminance(b) + 0.05);
        return Math.Max(x, y) / Math.Min(x, y);
    }

    private static double Luminance((double R, double G, double B) colour)
    {
        static double Linear(double channel) => channel / 255 is var c && c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4);
        return (0.2126 * Linear(colour.R)) + (0.7152 * Linear(colour.G)) + (0.0722 * Linear(colour.B));
    }

    private static (double, double, double) Mix((double R, double G, double B) a, (double R, double G, double B) b, double share) =>
        (Math.Round(a.R + ((b.R - a.R) * share)), Math.Round(a.G + ((b.G - a.G) * share)), Math.Round(a.B + ((b.B - a.B) * share)));

    private static (double, double, double) Parse(string colour) => (
        int.Parse(colour.AsSpan(1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        int.Parse(colour.AsSpan(3, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        int.Parse(colour.AsSpan(5, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    private static string Text((double R, double G, double B) colour) => $"#{(int)colour.R:x2}{(int)colour.G:x2}{(int)colour.B:x2}";
}
