namespace Hookway.Ingest.JmesPath;

/// <summary>Makes nodes of an expression's tokens, by precedence climbing; the precedences are those of the reference implementation.</summary>
internal sealed class JmesParser(string text)
{
    private const int MostDepth = 150;

    /// <summary>What binds less than this ends the right side of a projection.</summary>
    private const int ProjectionStop = 10;

    private readonly List<JmesLexeme> _lexemes = new JmesLexer(text).Read();
    private int _at;
    private int _depth;

    private JmesLexeme Current => _lexemes[_at];

    private JmesToken Token => Current.Token;

    public JmesNode Parse()
    {
        var root = Expression(0);
        Expect(JmesToken.End);
        return root;
    }

    private static int PowerOf(JmesToken token) => token switch
    {
        JmesToken.Pipe => 1,
        JmesToken.Or => 2,
        JmesToken.And => 3,
        JmesToken.Equal or JmesToken.NotEqual or JmesToken.Less or JmesToken.LessOrEqual or JmesToken.Greater or JmesToken.GreaterOrEqual => 5,
        JmesToken.Flatten => 9,
        JmesToken.Star => 20,
        JmesToken.Filter => 21,
        JmesToken.Dot => 40,
        JmesToken.Not => 45,
        JmesToken.OpenBrace => 50,
        JmesToken.OpenBracket => 55,
        JmesToken.OpenParen => 60,
        _ => 0,
    };

    private JmesNode Expression(int power)
    {
        if (++_depth > MostDepth)
        {
            throw new JmesException("it is nested too deeply.");
        }
        var left = First();
        while (power < PowerOf(Token))
        {
            left = Limited(Following(left));
        }
        _depth--;
        return left;
    }

    /// <summary>A chain is as deep as it is long: evaluating it must not exhaust the stack.</summary>
    private static JmesNode Limited(JmesNode node) => node.Depth <= MostDepth * 2 ? node : throw new JmesException("it is too long a chain.");

    private JmesNode First()
    {
        var lexeme = Take();
        switch (lexeme.Token)
        {
            case JmesToken.Literal:
                return new LiteralNode(lexeme.Value);
            case JmesToken.Name when Token is JmesToken.OpenParen:
                return Call(lexeme);
            case JmesToken.Name:
                return new FieldNode(lexeme.Text);
            case JmesToken.QuotedName:
                return Token is JmesToken.OpenParen ? throw Unexpected() : new FieldNode(lexeme.Text);
            case JmesToken.Star:
                return new ValueProjectionNode(JmesNode.Identity, Token is JmesToken.CloseBracket ? JmesNode.Identity : Projected(JmesToken.Star));
            case JmesToken.Filter:
                return Filter(JmesNode.Identity);
            case JmesToken.OpenBrace:
                return Hash();
            case JmesToken.OpenParen:
                var inner = Expression(0);
                Expect(JmesToken.CloseParen);
                return inner;
            case JmesToken.Flatten:
                return new ProjectionNode(new FlattenNode(JmesNode.Identity), Projected(JmesToken.Flatten));
            case JmesToken.Not:
                return new NotNode(Expression(PowerOf(JmesToken.Not)));
            case JmesToken.OpenBracket when Token is JmesToken.Number or JmesToken.Colon:
                return Index(JmesNode.Identity);
            case JmesToken.OpenBracket when Token is JmesToken.Star && _lexemes[_at + 1].Token is JmesToken.CloseBracket:
                _at += 2;
                return new ProjectionNode(JmesNode.Identity, Projected(JmesToken.Star));
            case JmesToken.OpenBracket:
                return List();
            case JmesToken.Current:
                return JmesNode.Identity;
            case JmesToken.Expref:
                return new ReferenceNode(Expression(0));
            default:
                _at--;
                throw Unexpected();
        }
    }

    private JmesNode Following(JmesNode left)
    {
        var lexeme = Take();
        switch (lexeme.Token)
        {
            case JmesToken.Dot when Token is JmesToken.Star:
                _at++;
                return new ValueProjectionNode(left, Projected(JmesToken.Dot));
            case JmesToken.Dot:
                return new PipeNode(left, AfterDot(PowerOf(JmesToken.Dot)));
            case JmesToken.Pipe:
                return new PipeNode(left, Expression(PowerOf(JmesToken.Pipe)));
            case JmesToken.Or:
                return new OrNode(left, Expression(PowerOf(JmesToken.Or)));
            case JmesToken.And:
                return new AndNode(left, Expression(PowerOf(JmesToken.And)));
            case JmesToken.Filter:
                return Filter(left);
            case JmesToken.Equal or JmesToken.NotEqual or JmesToken.Less or JmesToken.LessOrEqual or JmesToken.Greater or JmesToken.GreaterOrEqual:
                return new ComparisonNode(lexeme.Token, left, Expression(PowerOf(lexeme.Token)));
            case JmesToken.Flatten:
                return new ProjectionNode(new FlattenNode(left), Projected(JmesToken.Flatten));
            case JmesToken.OpenBracket when Token is JmesToken.Number or JmesToken.Colon:
                return Index(left);
            case JmesToken.OpenBracket:
                Expect(JmesToken.Star);
                Expect(JmesToken.CloseBracket);
                return new ProjectionNode(left, Projected(JmesToken.Star));
            default:
                _at--;
                throw Unexpected();
        }
    }

    private CallNode Call(JmesLexeme name)
    {
        Expect(JmesToken.OpenParen);
        var arguments = new List<JmesNode>();
        while (Token is not JmesToken.CloseParen)
        {
            arguments.Add(Expression(0));
            if (Token is not JmesToken.Comma)
            {
                break;
            }
            _at++;
            if (Token is JmesToken.CloseParen)
            {
                throw Unexpected();
            }
        }
        Expect(JmesToken.CloseParen);
        return new CallNode(JmesFunction.Find(name.Text, arguments.Count), [.. arguments]);
    }

    private FilterNode Filter(JmesNode left)
    {
        var condition = Expression(0);
        Expect(JmesToken.CloseBracket);
        return new FilterNode(left, condition, Token is JmesToken.Flatten ? JmesNode.Identity : Projected(JmesToken.Filter));
    }

    private JmesNode Index(JmesNode left)
    {
        if (Token is JmesToken.Number && _lexemes[_at + 1].Token is not JmesToken.Colon)
        {
            var index = Take().Number;
            Expect(JmesToken.CloseBracket);
            return new IndexNode(left, index);
        }
        var parts = new int?[3];
        for (var part = 0; Token is not JmesToken.CloseBracket;)
        {
            if (Token is JmesToken.Colon && ++part < 3)
            {
                _at++;
            }
            else if (Token is JmesToken.Number && parts[part] is null)
            {
                parts[part] = Take().Number;
            }
            else
            {
                throw Unexpected();
            }
        }
        Expect(JmesToken.CloseBracket);
        return parts[2] is 0
            ? throw new JmesException("the step of a slice must not be 0.")
            : new ProjectionNode(new SliceNode(left, parts[0], parts[1], parts[2] ?? 1), Projected(JmesToken.Star));
    }

    private ListNode List()
    {
        var items = new List<JmesNode> { Expression(0) };
        while (Token is JmesToken.Comma)
        {
            _at++;
            items.Add(Expression(0));
        }
        Expect(JmesToken.CloseBracket);
        return new ListNode([.. items]);
    }

    private HashNode Hash()
    {
        var members = new List<KeyValuePair<string, JmesNode>>();
        do
        {
            var name = Take();
            if (name.Token is not (JmesToken.Name or JmesToken.QuotedName))
            {
                _at--;
                throw Unexpected();
            }
            Expect(JmesToken.Colon);
            members.Add(new(name.Text, Expression(0)));
        }
        while (TakeComma());
        Expect(JmesToken.CloseBrace);
        return new HashNode([.. members]);
    }

    private bool TakeComma()
    {
        if (Token is not JmesToken.Comma)
        {
            return false;
        }
        _at++;
        return true;
    }

    /// <summary>What is done with each item of a projection.</summary>
    private JmesNode Projected(JmesToken by)
    {
        if (PowerOf(Token) < ProjectionStop)
        {
            return JmesNode.Identity;
        }
        switch (Token)
        {
            case JmesToken.OpenBracket or JmesToken.Filter:
                return Expression(PowerOf(by));
            case JmesToken.Dot:
                _at++;
                return AfterDot(PowerOf(by));
            default:
                throw Unexpected();
        }
    }

    private JmesNode AfterDot(int power)
    {
        switch (Token)
        {
            case JmesToken.Name or JmesToken.QuotedName or JmesToken.Star:
                return Expression(power);
            case JmesToken.OpenBracket:
                _at++;
                return List();
            case JmesToken.OpenBrace:
                _at++;
                return Hash();
            default:
                throw Unexpected();
        }
    }

    private JmesLexeme Take() => _lexemes[_at++] is { Token: not JmesToken.End } lexeme ? lexeme : throw new JmesException("it ends too early.");

    private void Expect(JmesToken token)
    {
        if (Token != token)
        {
            throw Unexpected();
        }
        _at++;
    }

    private JmesException Unexpected() =>
        new(Token is JmesToken.End ? "it ends too early." : $"{text[Current.At]} is not expected at character {Current.At + 1}.");
}
