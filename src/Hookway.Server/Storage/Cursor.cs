using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;

namespace Hookway.Storage;

/// <summary>
/// Makes the opaque place in a list where the next page starts: the key of the last item shown, sealed for this list. Keyset paging visits each item once while others
/// are inserted. Sealed, since the keys count what all workspaces have together, which is none of a tenant's business.
/// </summary>
public sealed class Cursor(SecretProtector protector)
{
    private const int MostCharacters = 128;

    /// <summary>The text form of a position, safe in a URL.</summary>
    public string Encode(string list, long position) =>
        Base64Url.EncodeToString(protector.Protect(position.ToString(CultureInfo.InvariantCulture), PurposeOf(list)));

    /// <summary>Reads a cursor back; false when it was not made for this list, or was changed.</summary>
    public bool TryDecode(string list, string text, out long position)
    {
        position = 0;
        if (text.Length > MostCharacters || !Base64Url.IsValid(text))
        {
            return false;
        }
        try
        {
            return long.TryParse(
                protector.Unprotect(Base64Url.DecodeFromChars(text), PurposeOf(list)), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out position);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static string PurposeOf(string list) => "cursor/" + list;
}
