using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Hookway.Ingest.JmesPath;

internal enum JmesToken
{
    End, Name, QuotedName, Literal, Number, Current, Expref, Colon, Comma, CloseBracket, CloseBrace, CloseParen, Pipe, Or, And, Equal, NotEqual, Less, LessOrEqual,
    Greater, GreaterOrEqual, Flatten, Star, Filter, Dot, Not, OpenBrace, OpenBracket, OpenParen,
}

/// <summary>Reads the tokens of an expression.</summary>
/// <param name="At">Where it begins.</param>
/// <param name="Text">Of a name.</param>
/// <param name="Value">Of a literal.</param>
/// <param name="Number">Of a number.</param>
internal readonly record struct JmesLexeme(JmesToken Token, int At, string Text = "", JmesValue Value = default, int Number = 0);

/// <summary>Splits an expression into tokens.</summary>
internal sealed class JmesLexer(string text)
{
    private int _at;

    public List<JmesLexeme> Read()
    {
        var found = new List<JmesLexeme>();
        while (Next() is { } lexeme)
        {
            found.Add(lexeme);
        }
        found.Add(new JmesLexeme(JmesToken.End, text.Length));
        return found;
    }

    private JmesLexeme? Next()
    {
        while (_at < text.Length && text[_at] is ' ' or '\t' or '\r' or '\n')
        {
            _at++;
        }
        if (_at == text.Length)
        {
            return null;
        }
        var start = _at;
        var c = text[_at++];
        return c switch
        {
            '.' => Symbol(JmesToken.Dot),
            '*' => Symbol(JmesToken.Star),
            ',' => Symbol(JmesToken.Comma),
            ':' => Symbol(JmesToken.Colon),
            '@' => Symbol(JmesToken.Current),
            '{' => Symbol(JmesToken.OpenBrace),
            '}' => Symbol(JmesToken.CloseBrace),
            '(' => Symbol(JmesToken.OpenParen),
            ')' => Symbol(JmesToken.CloseParen),
            ']' => Symbol(JmesToken.CloseBracket),
            '[' => Symbol(Take(']') ? JmesToken.Flatten : Take('?') ? JmesToken.Filter : JmesToken.OpenBracket),
            '|' => Symbol(Take('|') ? JmesToken.Or : JmesToken.Pipe),
            '&' => Symbol(Take('&') ? JmesToken.And : JmesToken.Expref),
            '!' => Symbol(Take('=') ? JmesToken.NotEqual : JmesToken.Not),
            '<' => Symbol(Take('=') ? JmesToken.LessOrEqual : JmesToken.Less),
            '>' => Symbol(Take('=') ? JmesToken.GreaterOrEqual : JmesToken.Greater),
            '=' when Take('=') => Symbol(JmesToken.Equal),
            '"' => new JmesLexeme(JmesToken.QuotedName, start, Text: QuotedName(start)),
            '\'' => new JmesLexeme(JmesToken.Literal, start, Value: JmesValue.Of(RawString(start))),
            '`' => new JmesLexeme(JmesToken.Literal, start, Value: Literal(start)),
            '-' or (>= '0' and <= '9') => Number(start),
            '_' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') => Name(start),
            _ => throw Unexpected(start),
        };

        JmesLexeme Symbol(JmesToken token) => new(token, start);
    }

    private bool Take(char wanted)
    {
        if (_at < text.Length && text[_at] == wanted)
        {
            _at++;
            return true;
        }
        return false;
    }

    private JmesLexeme Name(int start)
    {
        while (_at < text.Length && text[_at] is '_' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9'))
        {
            _at++;
        }
        return new JmesLexeme(JmesToken.Name, start, Text: text[start.._at]);
    }

    private JmesLexeme Number(int start)
    {
        while (_at < text.Length && text[_at] is >= '0' and <= '9')
        {
            _at++;
        }
        return int.TryParse(text.AsSpan(start, _at - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? new JmesLexeme(JmesToken.Number, start, Number: number)
            : throw Unexpected(start);
    }

    private string QuotedName(int start)
    {
        Skip('"', start);
        return Json(text[start.._at], start) is { ValueKind: JsonValueKind.String } name ? JmesValue.Of(name).Text : throw Unexpected(start);
    }

    private string RawString(int start)
    {
        Skip('\'', start);
        return text[(start + 1)..(_at - 1)].Replace("\\'", "'", StringComparison.Ordinal);
    }

    private JmesValue Literal(int start)
    {
        Skip('`', start);
        return JmesValue.Of(Json(text[(start + 1)..(_at - 1)].Replace("\\`", "`", StringComparison.Ordinal), start));
    }

    /// <summary>To behind the closing mark; what follows a backslash is none.</summary>
    private void Skip(char mark, int start)
    {
        for (; _at < text.Length; _at++)
        {
            if (text[_at] == mark)
            {
                _at++;
                return;
            }
            if (text[_at] == '\\')
            {
                _at++;
            }
        }
        throw new JmesException($"what begins at character {start + 1} has no closing {mark}.");
    }

    private static JsonElement Json(string json, int start)
    {
        try
        {
            return JsonElement.Parse(Encoding.UTF8.GetBytes(json));
        }
        catch (JsonException)
        {
            throw new JmesException($"what begins at character {start + 1} is not valid JSON.");
        }
    }

    private JmesException Unexpected(int at) => new($"{text[at]} is not expected at character {at + 1}.");
}
