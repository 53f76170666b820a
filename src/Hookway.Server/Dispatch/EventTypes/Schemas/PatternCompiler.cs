namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>Parts of a regular expression, as they are written.</summary>
internal abstract record PatternPart
{
    public sealed record Characters(CharacterSet Set) : PatternPart;

    public sealed record Place(PatternStateKind Kind) : PatternPart;

    public sealed record Sequence(IReadOnlyList<PatternPart> Parts) : PatternPart;

    public sealed record Choice(IReadOnlyList<PatternPart> Parts) : PatternPart;

    /// <param name="Most">Null for any number.</param>
    public sealed record Repeat(PatternPart Part, int Least, int? Most) : PatternPart;
}

/// <summary>Makes the states of a pattern, from its end to its beginning: each part is given where it leads to.</summary>
internal sealed class PatternCompiler
{
    private readonly List<PatternState> _states = [default];

    public static PatternState[] Compile(PatternPart whole)
    {
        var compiler = new PatternCompiler();
        var end = compiler.Add(new PatternState(PatternStateKind.End, 0, 0, null));
        var first = compiler.Compile(whole, end);
        // A search begins at the state numbered zero.
        compiler._states[0] = new PatternState(PatternStateKind.Fork, first, first, null);
        return [.. compiler._states];
    }

    private int Compile(PatternPart part, int next)
    {
        switch (part)
        {
            case PatternPart.Characters characters:
                return Add(new PatternState(PatternStateKind.Character, next, 0, characters.Set));
            case PatternPart.Place place:
                return Add(new PatternState(place.Kind, next, 0, null));
            case PatternPart.Sequence sequence:
                for (var i = sequence.Parts.Count - 1; i >= 0; i--)
                {
                    next = Compile(sequence.Parts[i], next);
                }
                return next;
            case PatternPart.Choice choice:
                var first = Compile(choice.Parts[^1], next);
                for (var i = choice.Parts.Count - 2; i >= 0; i--)
                {
                    first = Fork(Compile(choice.Parts[i], next), first);
                }
                return first;
            default:
                return CompileRepeat((PatternPart.Repeat)part, next);
        }
    }

    private int CompileRepeat(PatternPart.Repeat repeat, int next)
    {
        var first = next;
        if (repeat.Most is null)
        {
            first = Add(default);
            _states[first] = new PatternState(PatternStateKind.Fork, Compile(repeat.Part, first), next, null);
        }
        for (var i = repeat.Least; i < repeat.Most; i++)
        {
            first = Fork(Compile(repeat.Part, first), next);
        }
        for (var i = 0; i < repeat.Least; i++)
        {
            var before = first;
            first = Compile(repeat.Part, before);
            if (first == before)
            {
                // Nothing, however often: a loop over it would cost time for no state.
                break;
            }
        }
        return first;
    }

    private int Fork(int one, int other) => Add(new PatternState(PatternStateKind.Fork, one, other, null));

    private int Add(PatternState state)
    {
        if (_states.Count >= Pattern.MostStates)
        {
            throw new PatternException($"is too large: its repetitions make more than {Pattern.MostStates} states");
        }
        _states.Add(state);
        return _states.Count - 1;
    }
}
