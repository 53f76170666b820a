using System.Buffers;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>
/// A regular expression of ECMA-262 (with the flag <c>u</c>) that is run without backtracking: every state it may be in goes through the text together, so a match
/// takes at most states × characters steps, whatever the expression and the text, and no memory but two lists of states.
/// </summary>
public sealed class Pattern
{
    public const int MostCharacters = 1_000;

    /// <summary>The most states: a repetition such as <c>x{1,100}</c> has a hundred.</summary>
    public const int MostStates = 2_000;

    private readonly PatternState[] _states;

    private Pattern(string text, PatternState[] states)
    {
        Text = text;
        _states = states;
    }

    public string Text { get; }

    /// <summary>Reads an expression; null, and what is wrong with it, when it cannot be run.</summary>
    public static (Pattern? Pattern, string? Problem) Read(string text)
    {
        if (text.Length > MostCharacters)
        {
            return (null, $"has more than {MostCharacters} characters");
        }
        try
        {
            return (new Pattern(text, PatternCompiler.Compile(new PatternParser(text).Parse())), null);
        }
        catch (PatternException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Whether the expression matches somewhere in the text.</summary>
    /// <param name="work">What is left of the work allowed; each step takes one. Below zero the answer means nothing.</param>
    public bool IsMatch(ReadOnlySpan<char> text, ref long work)
    {
        var lists = ArrayPool<int>.Shared.Rent(_states.Length * 4);
        try
        {
            var run = new Run(_states, lists, text);
            return run.Search(ref work);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(lists);
        }
    }

    /// <summary>One search: the states that the expression is in at a place of the text, as lists without doubles.</summary>
    private ref struct Run(PatternState[] states, Span<int> lists, ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<PatternState> _states = states;
        private readonly ReadOnlySpan<char> _text = text;
        private readonly Span<int> _place = lists.Slice(states.Length * 2, states.Length);
        private readonly Span<int> _stack = lists.Slice(states.Length * 3, states.Length);
        private Span<int> _now = lists[..states.Length];
        private Span<int> _next = lists.Slice(states.Length, states.Length);
        private int _count;

        public bool Search(ref long work)
        {
            _place.Fill(-1);
            var last = -1;
            for (var at = 0; ; at += last > 0xFFFF ? 2 : 1)
            {
                var point = PointAt(at);
                // It may begin anywhere: what "^" holds back ends here.
                if (Enter(0, at, last, point, ref work))
                {
                    return true;
                }
                work -= _count + 1;
                if (point < 0 || work < 0)
                {
                    return false;
                }
                var count = _count;
                var entered = _now;
                _now = _next;
                _next = entered;
                _count = 0;
                var after = at + (point > 0xFFFF ? 2 : 1);
                var afterPoint = PointAt(after);
                for (var i = 0; i < count; i++)
                {
                    ref readonly var state = ref _states[_next[i]];
                    if (state.Set!.Contains(point) && Enter(state.Next, after, point, afterPoint, ref work))
                    {
                        return true;
                    }
                }
                last = point;
            }
        }

        /// <summary>Adds a state and all that it leads to without a character; true when the end of the expression is among them.</summary>
        private bool Enter(int first, int at, int before, int behind, ref long work)
        {
            var depth = 0;
            Push(first, at, ref depth);
            while (depth > 0)
            {
                work--;
                var no = _stack[--depth];
                ref readonly var state = ref _states[no];
                switch (state.Kind)
                {
                    case PatternStateKind.End:
                        return true;
                    case PatternStateKind.Character:
                        _now[_count++] = no;
                        break;
                    case PatternStateKind.Fork:
                        Push(state.Other, at, ref depth);
                        Push(state.Next, at, ref depth);
                        break;
                    default:
                        if (Holds(state.Kind, before, behind))
                        {
                            Push(state.Next, at, ref depth);
                        }
                        break;
                }
            }
            return false;
        }

        // Each state is entered once at a place.
        private readonly void Push(int no, int at, ref int depth)
        {
            if (_place[no] != at)
            {
                _place[no] = at;
                _stack[depth++] = no;
            }
        }

        private static bool Holds(PatternStateKind kind, int before, int behind) => kind switch
        {
            PatternStateKind.AtStart => before < 0,
            PatternStateKind.AtEnd => behind < 0,
            _ => (IsWord(before) != IsWord(behind)) == (kind is PatternStateKind.AtWordEdge),
        };

        private static bool IsWord(int point) => point >= 0 && CharacterSet.Word.Contains(point);

        /// <summary>The code point at a place; half of a surrogate pair is one by itself. Below zero at the end.</summary>
        private readonly int PointAt(int at) =>
            at >= _text.Length ? -1
            : at + 1 < _text.Length && char.IsSurrogatePair(_text[at], _text[at + 1]) ? char.ConvertToUtf32(_text[at], _text[at + 1])
            : _text[at];
    }
}

/// <summary>What a state of a <see cref="Pattern"/> waits for.</summary>
internal enum PatternStateKind
{
    Character,
    Fork,
    AtStart,
    AtEnd,
    AtWordEdge,
    InsideWordOrOutside,
    End,
}

/// <summary>One state: a character of a set leads to the next; a fork to two at once; a place only when it is that.</summary>
internal readonly record struct PatternState(PatternStateKind Kind, int Next, int Other, CharacterSet? Set);

/// <summary>An expression that cannot be run; the message says why.</summary>
internal sealed class PatternException(string message) : Exception(message);
