using System.Globalization;
using System.Text;
using QRCoder;

namespace Hookway.Ui;

/// <summary>A QR code of a text, with error correction level M and the light border that readers need.</summary>
public sealed class QrCode
{
    private readonly QRCodeData _code;

    private QrCode(QRCodeData code) => _code = code;

    /// <summary>Modules a side, with the border.</summary>
    public int Side => _code.ModuleMatrix.Count;

    public static QrCode Of(string text) => new(QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.M));

    /// <summary>The dark modules as the data of an SVG path.</summary>
    public string Path()
    {
        var path = new StringBuilder();
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                if (_code.ModuleMatrix[y][x])
                {
                    path.Append(CultureInfo.InvariantCulture, $"M{x} {y}h1v1h-1z");
                }
            }
        }
        return path.ToString();
    }
}
