using System.Text;

namespace Hookway.Ui;

/// <summary>A QR code (ISO/IEC 18004) of a text: bytes, error correction level M, as small as the text allows.</summary>
public sealed class QrCode
{
    /// <summary>The light border that readers need, in modules.</summary>
    public const int Border = 4;

    private const int MostVersion = 20;
    private const int FormatOfM = 0;

    // By version, at level M.
    private static readonly int[] EccPerBlock = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
    private static readonly int[] Blocks = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];

    private readonly int _version;
    private readonly bool[,] _dark;
    private readonly bool[,] _isFixed;

    private QrCode(int version)
    {
        _version = version;
        Size = (version * 4) + 17;
        _dark = new bool[Size, Size];
        _isFixed = new bool[Size, Size];
    }

    /// <summary>Modules a side, without the border.</summary>
    public int Size { get; }

    /// <param name="text">At most some 660 bytes.</param>
    public static QrCode Of(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var version = Enumerable.Range(1, MostVersion).FirstOrDefault(one => Capacity(one) * 8 >= 4 + LengthBits(one) + (bytes.Length * 8));
        if (version == 0)
        {
            throw new ArgumentException("Too long for a QR code.", nameof(text));
        }
        var code = new QrCode(version);
        code.DrawPatterns();
        code.DrawData(Interleave(version, DataOf(version, bytes)));
        var best = Enumerable.Range(0, 8).MinBy(mask =>
        {
            code.ApplyMask(mask);
            code.DrawFormat(mask);
            var penalty = code.Penalty();
            code.ApplyMask(mask);
            return penalty;
        });
        code.ApplyMask(best);
        code.DrawFormat(best);
        return code;
    }

    /// <summary>The dark modules as the data of an SVG path, with the border around them.</summary>
    public string Path()
    {
        var path = new StringBuilder();
        for (var y = 0; y < Size; y++)
        {
            for (var x = 0; x < Size; x++)
            {
                if (_dark[y, x])
                {
                    path.Append(System.Globalization.CultureInfo.InvariantCulture, $"M{x + Border} {y + Border}h1v1h-1z");
                }
            }
        }
        return path.ToString();
    }

    private static int LengthBits(int version) => version < 10 ? 8 : 16;

    private static int RawBits(int version)
    {
        var bits = (((16 * version) + 128) * version) + 64;
        if (version >= 2)
        {
            var align = (version / 7) + 2;
            bits -= (((25 * align) - 10) * align) - 55;
            bits -= version >= 7 ? 36 : 0;
        }
        return bits;
    }

    private static int Capacity(int version) => (RawBits(version) / 8) - (EccPerBlock[version] * Blocks[version]);

    private static byte[] DataOf(int version, byte[] bytes)
    {
        var bits = new List<bool>();
        void Add(int value, int length)
        {
            for (var i = length - 1; i >= 0; i--)
            {
                bits.Add(((value >> i) & 1) != 0);
            }
        }
        Add(4, 4);
        Add(bytes.Length, LengthBits(version));
        foreach (var octet in bytes)
        {
            Add(octet, 8);
        }
        var capacity = Capacity(version);
        Add(0, Math.Min(4, (capacity * 8) - bits.Count));
        Add(0, (8 - (bits.Count % 8)) % 8);
        for (var pad = 0xEC; bits.Count < capacity * 8; pad ^= 0xEC ^ 0x11)
        {
            Add(pad, 8);
        }
        var data = new byte[capacity];
        for (var i = 0; i < bits.Count; i++)
        {
            data[i / 8] |= (byte)((bits[i] ? 1 : 0) << (7 - (i % 8)));
        }
        return data;
    }

    private static byte[] Interleave(int version, byte[] data)
    {
        var (count, ecc, raw) = (Blocks[version], EccPerBlock[version], RawBits(version) / 8);
        var shortBlocks = count - (raw % count);
        var shortData = (raw / count) - ecc;
        var generator = Generator(ecc);
        var blocks = new List<(byte[] Data, byte[] Ecc)>();
        for (int i = 0, at = 0; i < count; i++)
        {
            var length = shortData + (i < shortBlocks ? 0 : 1);
            var block = data[at..(at + length)];
            blocks.Add((block, Remainder(block, generator)));
            at += length;
        }
        var result = new List<byte>(raw);
        for (var i = 0; i <= shortData; i++)
        {
            result.AddRange(blocks.Where(block => i < block.Data.Length).Select(block => block.Data[i]));
        }
        for (var i = 0; i < ecc; i++)
        {
            result.AddRange(blocks.Select(block => block.Ecc[i]));
        }
        return [.. result];
    }

    private static byte Multiply(byte x, byte y)
    {
        var product = 0;
        for (var i = 7; i >= 0; i--)
        {
            product = (product << 1) ^ ((product >> 7) * 0x11D);
            product ^= ((y >> i) & 1) * x;
        }
        return (byte)product;
    }

    private static byte[] Generator(int degree)
    {
        var result = new byte[degree];
        result[^1] = 1;
        byte root = 1;
        for (var i = 0; i < degree; i++)
        {
            for (var j = 0; j < degree; j++)
            {
                result[j] = Multiply(result[j], root);
                if (j + 1 < degree)
                {
                    result[j] ^= result[j + 1];
                }
            }
            root = Multiply(root, 2);
        }
        return result;
    }

    private static byte[] Remainder(byte[] data, byte[] generator)
    {
        var result = new byte[generator.Length];
        foreach (var octet in data)
        {
            var factor = (byte)(octet ^ result[0]);
            Array.Copy(result, 1, result, 0, result.Length - 1);
            result[^1] = 0;
            for (var i = 0; i < result.Length; i++)
            {
                result[i] ^= Multiply(generator[i], factor);
            }
        }
        return result;
    }

    private void Set(int x, int y, bool dark)
    {
        _dark[y, x] = dark;
        _isFixed[y, x] = true;
    }

    private void DrawPatterns()
    {
        for (var i = 0; i < Size; i++)
        {
            Set(6, i, i % 2 == 0);
            Set(i, 6, i % 2 == 0);
        }
        foreach (var (centerX, centerY) in new[] { (3, 3), (Size - 4, 3), (3, Size - 4) })
        {
            for (var dy = -4; dy <= 4; dy++)
            {
                for (var dx = -4; dx <= 4; dx++)
                {
                    var (x, y, ring) = (centerX + dx, centerY + dy, Math.Max(Math.Abs(dx), Math.Abs(dy)));
                    if (x >= 0 && x < Size && y >= 0 && y < Size)
                    {
                        Set(x, y, ring is not (2 or 4));
                    }
                }
            }
        }
        var positions = Alignments();
        foreach (var (x, y) in positions.SelectMany(x => positions.Select(y => (x, y))))
        {
            // Three corners have their own.
            if ((x, y) != (6, 6) && (x, y) != (6, Size - 7) && (x, y) != (Size - 7, 6))
            {
                for (var dy = -2; dy <= 2; dy++)
                {
                    for (var dx = -2; dx <= 2; dx++)
                    {
                        Set(x + dx, y + dy, Math.Max(Math.Abs(dx), Math.Abs(dy)) != 1);
                    }
                }
            }
        }
        DrawFormat(0);
        if (_version >= 7)
        {
            var rest = _version;
            for (var i = 0; i < 12; i++)
            {
                rest = (rest << 1) ^ ((rest >> 11) * 0x1F25);
            }
            var bits = (_version << 12) | rest;
            for (var i = 0; i < 18; i++)
            {
                var (a, b) = (Size - 11 + (i % 3), i / 3);
                Set(a, b, ((bits >> i) & 1) != 0);
                Set(b, a, ((bits >> i) & 1) != 0);
            }
        }
    }

    private List<int> Alignments()
    {
        if (_version == 1)
        {
            return [];
        }
        var count = (_version / 7) + 2;
        var step = ((_version * 8) + (count * 3) + 5) / ((count * 4) - 4) * 2;
        return [6, .. Enumerable.Range(0, count - 1).Select(i => Size - 7 - ((count - 2 - i) * step))];
    }

    private void DrawFormat(int mask)
    {
        var data = (FormatOfM << 3) | mask;
        var rest = data;
        for (var i = 0; i < 10; i++)
        {
            rest = (rest << 1) ^ ((rest >> 9) * 0x537);
        }
        var bits = ((data << 10) | rest) ^ 0x5412;
        bool Bit(int i) => ((bits >> i) & 1) != 0;
        for (var i = 0; i <= 5; i++)
        {
            Set(8, i, Bit(i));
        }
        Set(8, 7, Bit(6));
        Set(8, 8, Bit(7));
        Set(7, 8, Bit(8));
        for (var i = 9; i < 15; i++)
        {
            Set(14 - i, 8, Bit(i));
        }
        for (var i = 0; i < 8; i++)
        {
            Set(Size - 1 - i, 8, Bit(i));
        }
        for (var i = 8; i < 15; i++)
        {
            Set(8, Size - 15 + i, Bit(i));
        }
        Set(8, Size - 8, true);
    }

    private void DrawData(byte[] data)
    {
        var i = 0;
        for (var right = Size - 1; right >= 1; right -= 2)
        {
            right = right == 6 ? 5 : right;
            for (var vertical = 0; vertical < Size; vertical++)
            {
                for (var j = 0; j < 2; j++)
                {
                    var x = right - j;
                    var y = ((right + 1) & 2) == 0 ? Size - 1 - vertical : vertical;
                    if (!_isFixed[y, x] && i < data.Length * 8)
                    {
                        _dark[y, x] = ((data[i / 8] >> (7 - (i % 8))) & 1) != 0;
                        i++;
                    }
                }
            }
        }
    }

    private void ApplyMask(int mask)
    {
        for (var y = 0; y < Size; y++)
        {
            for (var x = 0; x < Size; x++)
            {
                _dark[y, x] ^= !_isFixed[y, x] && mask switch
                {
                    0 => (x + y) % 2 == 0,
                    1 => y % 2 == 0,
                    2 => x % 3 == 0,
                    3 => (x + y) % 3 == 0,
                    4 => ((x / 3) + (y / 2)) % 2 == 0,
                    5 => ((x * y) % 2) + ((x * y) % 3) == 0,
                    6 => (((x * y) % 2) + ((x * y) % 3)) % 2 == 0,
                    _ => (((x + y) % 2) + ((x * y) % 3)) % 2 == 0,
                };
            }
        }
    }

    /// <summary>How hard it would be to read: long runs, blocks of one colour, and far more of one colour than of the other.</summary>
    private int Penalty()
    {
        var penalty = 0;
        for (var line = 0; line < Size; line++)
        {
            penalty += Runs(i => _dark[line, i]) + Runs(i => _dark[i, line]);
        }
        var dark = 0;
        for (var y = 0; y < Size; y++)
        {
            for (var x = 0; x < Size; x++)
            {
                dark += _dark[y, x] ? 1 : 0;
                penalty += x + 1 < Size && y + 1 < Size && _dark[y, x] == _dark[y, x + 1] && _dark[y, x] == _dark[y + 1, x] && _dark[y, x] == _dark[y + 1, x + 1] ? 3 : 0;
            }
        }
        return penalty + (Math.Abs((dark * 20) - (Size * Size * 10)) / (Size * Size) * 10);
    }

    private int Runs(Func<int, bool> at)
    {
        var (penalty, run) = (0, 1);
        for (var i = 1; i < Size; i++)
        {
            run = at(i) == at(i - 1) ? run + 1 : 1;
            penalty += run == 5 ? 3 : run > 5 ? 1 : 0;
        }
        return penalty;
    }
}
