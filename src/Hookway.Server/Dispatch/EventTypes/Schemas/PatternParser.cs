using System.Globalization;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>Reads regular expressions of ECMA-262 with the flag <c>u</c>, but for what cannot be run without backtracking: looking around, and references to groups.</summary>
internal sealed class PatternParser(string text)
{
    private const int MostNested = 50;
    private const int MostRepeats = 1_000;
    private const string SyntaxCharacters = @"^$\.*+?()[]{}|/-";

    private int _at;
    private int _nested;

    private bool IsAtEnd => _at >= text.Length;

    public PatternPart Parse()
    {
        var whole = ParseChoice();
        return IsAtEnd ? whole : throw new PatternException("has a ) without its (");
    }

    private PatternPart ParseChoice()
    {
        if (++_nested > MostNested)
        {
            throw new PatternException($"nests groups more than {MostNested} deep");
        }
        List<PatternPart> choices = [ParseSequence()];
        while (Take('|'))
        {
            choices.Add(ParseSequence());
        }
        _nested--;
        return choices.Count == 1 ? choices[0] : new PatternPart.Choice(choices);
    }

    private PatternPart.Sequence ParseSequence()
    {
        var parts = new List<PatternPart>();
        while (!IsAtEnd && text[_at] is not ('|' or ')'))
        {
            var atom = ParseAtom();
            parts.Add(ParseRepeat(atom));
        }
        return new PatternPart.Sequence(parts);
    }

    private PatternPart ParseAtom()
    {
        switch (text[_at])
        {
            case '^':
                _at++;
                return new PatternPart.Place(PatternStateKind.AtStart);
            case '$':
                _at++;
                return new PatternPart.Place(PatternStateKind.AtEnd);
            case '.':
                _at++;
                return new PatternPart.Characters(CharacterSet.AllButLineEnds);
            case '(':
                return ParseGroup();
            case '[':
                return new PatternPart.Characters(ParseClass());
            case '\\':
                return ParseEscape();
            case '*' or '+' or '?' or '{':
                throw new PatternException($"has a {text[_at]} with nothing to repeat");
            case '}' or ']':
                throw new PatternException($"has a {text[_at]} without its beginning");
            default:
                return Single(TakePoint());
        }
    }

    private PatternPart ParseRepeat(PatternPart atom)
    {
        if (IsAtEnd || text[_at] is not ('*' or '+' or '?' or '{'))
        {
            return atom;
        }
        if (atom is PatternPart.Place)
        {
            throw new PatternException("repeats a place such as ^, $ or \\b");
        }
        var (least, most) = text[_at++] switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            _ => ParseCounts(),
        };
        // Whether as few as possible are taken makes no difference to whether it matches.
        Take('?');
        return IsAtEnd || text[_at] is not ('*' or '+' or '?' or '{') ? new PatternPart.Repeat(atom, least, most) : throw new PatternException("repeats a repetition");
    }

    private (int Least, int? Most) ParseCounts()
    {
        var least = TakeNumber();
        int? most = !Take(',') ? least : !IsAtEnd && text[_at] == '}' ? null : TakeNumber();
        if (!Take('}'))
        {
            throw new PatternException("has a { that does not begin a repetition such as {2,5}");
        }
        return least > (most ?? int.MaxValue) ? throw new PatternException("repeats at least more often than at most") : (least, most);
    }

    private int TakeNumber()
    {
        var start = _at;
        while (!IsAtEnd && char.IsAsciiDigit(text[_at]))
        {
            _at++;
        }
        if (start == _at)
        {
            throw new PatternException("has a { that does not begin a repetition such as {2,5}");
        }
        return int.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MostRepeats
            ? number
            : throw new PatternException($"repeats more than {MostRepeats} times");
    }

    private PatternPart ParseGroup()
    {
        _at++;
        if (Take('?'))
        {
            if (Starts("=") || Starts("!") || Starts("<=") || Starts("<!"))
            {
                throw new PatternException("looks ahead or behind, which cannot be done without backtracking");
            }
            if (Take('<'))
            {
                var end = text.IndexOf('>', _at);
                _at = end > _at ? end + 1 : throw new PatternException("has a group without a name");
            }
            else if (!Take(':'))
            {
                throw new PatternException("has a kind of group that is not known");
            }
        }
        var inner = ParseChoice();
        return Take(')') ? inner : throw new PatternException("has a ( without its )");
    }

    private PatternPart ParseEscape()
    {
        if (Starts("\\b") || Starts("\\B"))
        {
            _at += 2;
            return new PatternPart.Place(text[_at - 1] == 'b' ? PatternStateKind.AtWordEdge : PatternStateKind.InsideWordOrOutside);
        }
        if (_at + 1 < text.Length && text[_at + 1] is (>= '1' and <= '9') or 'k')
        {
            throw new PatternException("refers to what a group matched, which cannot be done without backtracking");
        }
        return TakeClassEscape() is { } set ? new PatternPart.Characters(set) : Single(TakeEscapedPoint());
    }

    /// <summary>A set of characters in brackets.</summary>
    private CharacterSet ParseClass()
    {
        _at++;
        var isNegated = Take('^');
        var sets = new List<CharacterSet>();
        while (!Take(']'))
        {
            if (IsAtEnd)
            {
                throw new PatternException("has a [ without its ]");
            }
            if (TakeClassEscape() is { } escaped)
            {
                sets.Add(escaped);
                continue;
            }
            var from = TakeClassPoint();
            var to = from;
            if (!IsAtEnd && text[_at] == '-' && _at + 1 < text.Length && text[_at + 1] != ']')
            {
                _at++;
                to = TakeClassEscape() is null ? TakeClassPoint() : throw new PatternException("has a range that ends in a set");
            }
            sets.Add(from <= to ? CharacterSet.Of((from, to)) : throw new PatternException("has a range that ends before it begins"));
        }
        var union = CharacterSet.Union(sets);
        return isNegated ? union.Complement() : union;
    }

    private int TakeClassPoint()
    {
        if (Starts("\\b"))
        {
            _at += 2;
            return '\b';
        }
        return !IsAtEnd && text[_at] == '\\' ? TakeEscapedPoint() : TakePoint();
    }

    /// <summary>An escape that stands for a set, such as <c>\d</c> or <c>\p{L}</c>; null, and nothing taken, when what comes is not one.</summary>
    private CharacterSet? TakeClassEscape()
    {
        if (_at + 1 >= text.Length || text[_at] != '\\')
        {
            return null;
        }
        var kind = text[_at + 1];
        if (kind is 'p' or 'P')
        {
            return TakeCategory();
        }
        var set = kind switch
        {
            'd' => CharacterSet.Digits,
            'D' => CharacterSet.Digits.Complement(),
            'w' => CharacterSet.Word,
            'W' => CharacterSet.Word.Complement(),
            's' => CharacterSet.Space,
            'S' => CharacterSet.Space.Complement(),
            _ => null,
        };
        _at += set is null ? 0 : 2;
        return set;
    }

    private CharacterSet TakeCategory()
    {
        var isNegated = text[_at + 1] == 'P';
        var end = text.IndexOf('}', _at);
        if (_at + 2 >= text.Length || text[_at + 2] != '{' || end < 0)
        {
            throw new PatternException($"has a \\{text[_at + 1]} without its {{}}");
        }
        var name = text[(_at + 3)..end];
        _at = end + 1;
        foreach (var prefix in new[] { "General_Category=", "gc=" })
        {
            name = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
        }
        var set = CharacterSet.OfCategory(name) ?? throw new PatternException($"names the Unicode property {name}, and only general categories such as L or Letter are known");
        return isNegated ? set.Complement() : set;
    }

    private int TakeEscapedPoint()
    {
        if (++_at >= text.Length)
        {
            throw new PatternException("ends in a \\");
        }
        var kind = text[_at++];
        switch (kind)
        {
            case 't': return '\t';
            case 'n': return '\n';
            case 'v': return '\v';
            case 'f': return '\f';
            case 'r': return '\r';
            case '0' when IsAtEnd || !char.IsAsciiDigit(text[_at]): return 0;
            case 'c' when !IsAtEnd && char.IsAsciiLetter(text[_at]): return text[_at++] % 32;
            case 'x': return TakeHex(2);
            case 'u' when Take('{'):
                var end = text.IndexOf('}', _at);
                var point = end > _at && end - _at <= 8 ? TakeHex(end - _at) : -1;
                _at++;
                return point is >= 0 and <= 0x10FFFF ? point : throw new PatternException("has a \\u{…} that is not a code point");
            case 'u':
                var high = TakeHex(4);
                if (char.IsHighSurrogate((char)high) && Starts("\\u") && _at + 6 <= text.Length
                    && int.TryParse(text.AsSpan(_at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low) && char.IsLowSurrogate((char)low))
                {
                    _at += 6;
                    return char.ConvertToUtf32((char)high, (char)low);
                }
                return high;
            default:
                // Strictly only these may be escaped; other punctuation often is, and can mean nothing else.
                return SyntaxCharacters.Contains(kind, StringComparison.Ordinal) || (char.IsAscii(kind) && !char.IsAsciiLetterOrDigit(kind))
                    ? kind
                    : throw new PatternException($"has the escape \\{kind}, which is not known");
        }
    }

    private int TakeHex(int digits)
    {
        if (_at + digits > text.Length || !int.TryParse(text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            throw new PatternException("has an escape without its hexadecimal digits");
        }
        _at += digits;
        return value;
    }

    private int TakePoint()
    {
        if (_at + 1 < text.Length && char.IsSurrogatePair(text[_at], text[_at + 1]))
        {
            _at += 2;
            return char.ConvertToUtf32(text[_at - 2], text[_at - 1]);
        }
        return text[_at++];
    }

    private static PatternPart.Characters Single(int point) => new(CharacterSet.Of((point, point)));

    private bool Take(char wanted)
    {
        if (IsAtEnd || text[_at] != wanted)
        {
            return false;
        }
        _at++;
        return true;
    }

    private bool Starts(string wanted) => string.CompareOrdinal(text, _at, wanted, 0, wanted.Length) == 0;
}
