using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Hookway.Storage;

/// <summary>
/// The opaque place in a list where the next page starts: the list's name and the key of the last item shown. Keyset paging visits each
/// item once while others are inserted. A cursor of one list is refused by another.
/// </summary>
public static class Cursor
{
    /// <summary>The text form of a position, safe in a URL.</summary>
    public static string Encode(string list, long position) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{list}:{position}")));

    /// <summary>Reads a cursor back; false when it was not made for this list.</summary>
    public static bool TryDecode(string list, string text, out long position)
    {
        position = 0;
        if (text.Length > 128 || !Base64Url.IsValid(text))
        {
            return false;
        }
        var decoded = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text));
        return decoded.StartsWith(list + ":", StringComparison.Ordinal)
            && long.TryParse(decoded.AsSpan(list.Length + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out position);
    }
}
