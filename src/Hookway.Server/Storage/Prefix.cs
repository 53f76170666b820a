using System.Text;

namespace Hookway.Storage;

/// <summary>The texts that begin with a prefix, as a range: what an index on texts that compare byte by byte can find.</summary>
public static class Prefix
{
    /// <summary>The first text behind all that begin with this one; null when there is none.</summary>
    /// <param name="prefix">Well-formed. UTF-8 orders as its code points do.</param>
    public static string? EndOf(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToList();
        while (runes.Count > 0)
        {
            var last = runes[^1].Value;
            runes.RemoveAt(runes.Count - 1);
            if (last < 0x10FFFF)
            {
                // Behind the last character before the surrogates comes the first one after them.
                runes.Add(new Rune(last == 0xD7FF ? 0xE000 : last + 1));
                return string.Concat(runes);
            }
        }
        return null;
    }
}
