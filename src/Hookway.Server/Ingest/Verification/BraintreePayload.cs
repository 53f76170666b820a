using System.Text;
using System.Text.Json;
using System.Xml;
using System.Xml.Linq;

namespace Hookway.Ingest.Verification;

/// <summary>Braintree sends XML, in base64, in a field of a form. Read as JSON it has paths like everyone else's.</summary>
internal static class BraintreePayload
{
    private const string Field = "bt_payload";
    private const int MostDepth = 32;

    private static readonly VerificationScheme Scheme = new() { Algorithm = VerificationAlgorithm.HmacSha1, Key = KeyForm.Sha1OfLast };

    private static readonly XmlReaderSettings Settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = 4_000_000 };

    public static JsonElement Read(IReadOnlyList<KeyValuePair<string, string>> form)
    {
        if (form.FirstOrDefault(pair => pair.Key == Field).Value is not { } text
            || SignatureBytes.FromBase64(text.Replace("\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal)) is not { } bytes)
        {
            return default;
        }
        try
        {
            using var reader = XmlReader.Create(new StringReader(Encoding.UTF8.GetString(bytes)), Settings);
            var root = XDocument.Load(reader).Root!;
            return Value(root, 0) is { } value ? JsonSerializer.SerializeToElement(new Dictionary<string, object> { [root.Name.LocalName] = value }) : default;
        }
        catch (XmlException)
        {
            return default;
        }
    }

    /// <summary>What Braintree wants to see when it checks a URL: the public key, and its challenge signed; null for what is no challenge.</summary>
    public static string? Answer(string keys, string challenge)
    {
        var key = VerificationKey.Read(Scheme, keys, out _);
        var bar = keys.LastIndexOf('|');
        return key is [var only] && bar > 0 && challenge.Length is >= 20 and <= 32 && SignatureBytes.Hex(challenge) is not null
            ? $"{keys[..bar]}|{Convert.ToHexStringLower(only.Sign(Encoding.ASCII.GetBytes(challenge)))}"
            : null;
    }

    private static object? Value(XElement element, int depth)
    {
        if (!element.HasElements)
        {
            return element.Value;
        }
        return depth == MostDepth ? null : element.Elements().GroupBy(child => child.Name.LocalName)
            .ToDictionary(group => group.Key, group => Value(group.First(), depth + 1));
    }
}
