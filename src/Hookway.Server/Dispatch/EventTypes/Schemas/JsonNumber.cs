using System.Globalization;
using System.Text;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>A JSON number as it is written, exactly: JSON bounds neither its digits nor its exponent.</summary>
internal readonly struct JsonNumber : IComparable<JsonNumber>
{
    /// <summary>The most digits of a number that others are to be multiples of.</summary>
    public const int MostDivisorDigits = 18;

    /// <summary>Beyond any number that fits into a request otherwise; sums with lengths cannot overflow.</summary>
    private const long MostExponent = 1L << 50;

    private readonly bool _isNegative;

    /// <summary>The digits, with no zero first or last; none for zero.</summary>
    private readonly byte[] _digits;

    /// <summary>The power of ten of the last digit.</summary>
    private readonly long _exponent;

    /// <param name="text">A number as JSON has it.</param>
    public JsonNumber(ReadOnlySpan<byte> text)
    {
        _isNegative = text[0] == '-';
        text = _isNegative ? text[1..] : text;
        var e = text.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = e < 0 ? text : text[..e];
        var exponent = e < 0 ? 0 : ReadExponent(text[(e + 1)..]);
        var point = mantissa.IndexOf((byte)'.');
        var digits = new byte[mantissa.Length - (point < 0 ? 0 : 1)];
        mantissa[..(point < 0 ? mantissa.Length : point)].CopyTo(digits);
        if (point >= 0)
        {
            mantissa[(point + 1)..].CopyTo(digits.AsSpan(point));
            exponent -= mantissa.Length - point - 1;
        }
        var significant = digits.AsSpan().TrimEnd((byte)'0');
        _exponent = exponent + digits.Length - significant.Length;
        significant = significant.TrimStart((byte)'0');
        _digits = significant.Length == digits.Length ? digits : significant.ToArray();
        if (_digits.Length == 0)
        {
            _isNegative = false;
            _exponent = 0;
        }
    }

    public int DigitCount => _digits.Length;

    public bool IsPositive => !_isNegative && _digits.Length > 0;

    public bool IsInteger => _exponent >= 0;

    /// <summary>A whole number that is not negative, as a length or a count has it; the greatest there is in place of a greater one. Null when it is not that.</summary>
    public long? Count
    {
        get
        {
            if (_isNegative || !IsInteger)
            {
                return null;
            }
            if (Top > MostDivisorDigits)
            {
                return long.MaxValue;
            }
            var count = Whole(_digits);
            for (var i = 0; i < _exponent; i++)
            {
                count *= 10;
            }
            return (long)count;
        }
    }

    public int CompareTo(JsonNumber other)
    {
        if (Sign != other.Sign)
        {
            return Sign.CompareTo(other.Sign);
        }
        var size = Top.CompareTo(other.Top);
        // Where both begin at the same power of ten, the digits decide as a word in a dictionary would.
        size = size != 0 ? size : _digits.AsSpan().SequenceCompareTo(other._digits);
        return _isNegative ? -size : size;
    }

    /// <summary>Whether this is a whole multiple of a divisor of at most <see cref="MostDivisorDigits"/> digits.</summary>
    public bool IsMultipleOf(JsonNumber divisor)
    {
        if (_digits.Length == 0)
        {
            return true;
        }
        var shift = _exponent - divisor._exponent;
        if (shift < 0)
        {
            // No power of ten divides digits that do not end in zero.
            return false;
        }
        var modulus = Whole(divisor._digits);
        var rest = 0UL;
        foreach (var digit in _digits)
        {
            rest = ((rest * 10) + (ulong)(digit - '0')) % modulus;
        }
        return (UInt128)rest * PowerOfTen(shift, modulus) % modulus == 0;
    }

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(_isNegative);
        hash.Add(_exponent);
        hash.AddBytes(_digits);
        return hash.ToHashCode();
    }

    /// <summary>As people write it, unless that would be long.</summary>
    public override string ToString()
    {
        const int MostZeros = 20;
        var digits = _digits.Length == 0 ? "0" : Encoding.ASCII.GetString(_digits);
        var point = digits.Length + _exponent;
        var text = _exponent is >= 0 and <= MostZeros ? digits + new string('0', (int)_exponent)
            : _exponent < 0 && point > 0 ? $"{digits[..(int)point]}.{digits[(int)point..]}"
            : _exponent < 0 && point > -MostZeros ? $"0.{new string('0', (int)-point)}{digits}"
            : string.Create(CultureInfo.InvariantCulture, $"{digits}e{_exponent}");
        return _isNegative ? "-" + text : text;
    }

    private int Sign => _digits.Length == 0 ? 0 : _isNegative ? -1 : 1;

    private long Top => _exponent + _digits.Length;

    private static ulong Whole(byte[] digits) => digits.Aggregate(0UL, (sum, digit) => (sum * 10) + (ulong)(digit - '0'));

    private static UInt128 PowerOfTen(long exponent, ulong modulus)
    {
        UInt128 power = 1 % modulus, square = 10 % modulus;
        for (; exponent > 0; exponent >>= 1)
        {
            power = (exponent & 1) == 1 ? power * square % modulus : power;
            square = square * square % modulus;
        }
        return power;
    }

    private static long ReadExponent(ReadOnlySpan<byte> text)
    {
        var isNegative = text[0] == '-';
        var value = 0L;
        foreach (var digit in text[0] is (byte)'-' or (byte)'+' ? text[1..] : text)
        {
            value = Math.Min((value * 10) + (digit - '0'), MostExponent);
        }
        return isNegative ? -value : value;
    }
}
