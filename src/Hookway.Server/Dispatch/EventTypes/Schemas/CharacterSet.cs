using System.Globalization;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>A set of code points: ranges, and whole Unicode categories.</summary>
internal sealed class CharacterSet
{
    private const int Last = 0x10FFFF;
    private const uint AllCategories = (1u << 30) - 1;

    private readonly (int From, int To)[] _ranges;
    private readonly uint _categories;
    private readonly bool _isNegated;
    private readonly UInt128 _ascii;

    private CharacterSet((int From, int To)[] ranges, uint categories, bool isNegated)
    {
        _ranges = ranges;
        _categories = categories;
        _isNegated = isNegated;
        for (var point = 0; point < 128; point++)
        {
            _ascii |= Holds(point) ? UInt128.One << point : 0;
        }
    }

    public static CharacterSet Digits { get; } = Of(('0', '9'));

    public static CharacterSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    /// <summary>White space and line ends, as ECMA-262 counts them.</summary>
    public static CharacterSet Space { get; } = Of(
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>What a dot stands for.</summary>
    public static CharacterSet AllButLineEnds { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    public static CharacterSet Of(params (int From, int To)[] ranges) => new(ranges, 0, isNegated: false);

    /// <summary>The characters of a general category by its short or long name; null when the name is not one.</summary>
    public static CharacterSet? OfCategory(string name) => Categories.TryGetValue(name, out var categories) ? new CharacterSet([], categories, isNegated: false) : null;

    /// <summary>The characters of any of the sets.</summary>
    public static CharacterSet Union(IEnumerable<CharacterSet> sets)
    {
        var ranges = new List<(int From, int To)>();
        var categories = 0u;
        foreach (var set in sets)
        {
            ranges.AddRange(set._isNegated && set._categories == 0 ? Rest(set._ranges) : set._ranges);
            // One is either of ranges or of categories, but for a union, which is not put into another.
            categories |= set._isNegated && set._categories != 0 ? AllCategories & ~set._categories : set._categories;
        }
        return new CharacterSet([.. ranges.Order()], categories, isNegated: false);
    }

    public CharacterSet Complement() => new(_ranges, _categories, !_isNegated);

    public bool Contains(int point) => point < 128 ? (_ascii & (UInt128.One << point)) != 0 : Holds(point);

    private bool Holds(int point) => (IsInRanges(point) || (_categories != 0 && (_categories & (1u << (int)CategoryOf(point))) != 0)) != _isNegated;

    private bool IsInRanges(int point)
    {
        foreach (var (from, to) in _ranges)
        {
            if (point >= from && point <= to)
            {
                return true;
            }
        }
        return false;
    }

    private static UnicodeCategory CategoryOf(int point) => CharUnicodeInfo.GetUnicodeCategory(point);

    private static IEnumerable<(int From, int To)> Rest((int From, int To)[] ranges)
    {
        var next = 0;
        foreach (var (from, to) in ranges.Order())
        {
            if (from > next)
            {
                yield return (next, from - 1);
            }
            next = Math.Max(next, to + 1);
        }
        if (next <= Last)
        {
            yield return (next, Last);
        }
    }

    private static readonly Dictionary<string, uint> Categories = NameCategories();

    private static Dictionary<string, uint> NameCategories()
    {
        (string Short, string Long, UnicodeCategory Category)[] all =
        [
            ("Lu", "Uppercase_Letter", UnicodeCategory.UppercaseLetter), ("Ll", "Lowercase_Letter", UnicodeCategory.LowercaseLetter),
            ("Lt", "Titlecase_Letter", UnicodeCategory.TitlecaseLetter), ("Lm", "Modifier_Letter", UnicodeCategory.ModifierLetter),
            ("Lo", "Other_Letter", UnicodeCategory.OtherLetter), ("Mn", "Nonspacing_Mark", UnicodeCategory.NonSpacingMark),
            ("Mc", "Spacing_Mark", UnicodeCategory.SpacingCombiningMark), ("Me", "Enclosing_Mark", UnicodeCategory.EnclosingMark),
            ("Nd", "Decimal_Number", UnicodeCategory.DecimalDigitNumber), ("Nl", "Letter_Number", UnicodeCategory.LetterNumber),
            ("No", "Other_Number", UnicodeCategory.OtherNumber), ("Zs", "Space_Separator", UnicodeCategory.SpaceSeparator),
            ("Zl", "Line_Separator", UnicodeCategory.LineSeparator), ("Zp", "Paragraph_Separator", UnicodeCategory.ParagraphSeparator),
            ("Cc", "Control", UnicodeCategory.Control), ("Cf", "Format", UnicodeCategory.Format), ("Cs", "Surrogate", UnicodeCategory.Surrogate),
            ("Co", "Private_Use", UnicodeCategory.PrivateUse), ("Cn", "Unassigned", UnicodeCategory.OtherNotAssigned),
            ("Pc", "Connector_Punctuation", UnicodeCategory.ConnectorPunctuation), ("Pd", "Dash_Punctuation", UnicodeCategory.DashPunctuation),
            ("Ps", "Open_Punctuation", UnicodeCategory.OpenPunctuation), ("Pe", "Close_Punctuation", UnicodeCategory.ClosePunctuation),
            ("Pi", "Initial_Punctuation", UnicodeCategory.InitialQuotePunctuation), ("Pf", "Final_Punctuation", UnicodeCategory.FinalQuotePunctuation),
            ("Po", "Other_Punctuation", UnicodeCategory.OtherPunctuation), ("Sm", "Math_Symbol", UnicodeCategory.MathSymbol),
            ("Sc", "Currency_Symbol", UnicodeCategory.CurrencySymbol), ("Sk", "Modifier_Symbol", UnicodeCategory.ModifierSymbol),
            ("So", "Other_Symbol", UnicodeCategory.OtherSymbol),
        ];
        (string Short, string Long)[] groups =
            [("L", "Letter"), ("M", "Mark"), ("N", "Number"), ("Z", "Separator"), ("C", "Other"), ("P", "Punctuation"), ("S", "Symbol")];
        var named = new Dictionary<string, uint>(StringComparer.Ordinal);
        foreach (var (shortName, longName, category) in all)
        {
            named[shortName] = named[longName] = 1u << (int)category;
        }
        foreach (var (shortName, longName) in groups)
        {
            named[shortName] = named[longName] = all.Where(item => item.Short[0] == shortName[0]).Aggregate(0u, (sum, item) => sum | (1u << (int)item.Category));
        }
        return named;
    }
}
