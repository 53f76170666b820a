using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hookway.Ingest.JmesPath;

/// <summary>A function of JMESPath: the types that its arguments must have, and what it makes of them.</summary>
/// <param name="Takes">The type of each argument; the last one's may repeat.</param>
internal sealed record JmesFunction(string Name, JmesType[] Takes, bool Repeats, Func<JmesValue[], JmesRun, JmesValue> Apply)
{
    private const int CharactersPerStep = JmesValue.CharactersPerStep;
    private const int MostTextBytes = 16 * 1024 * 1024;

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly Dictionary<string, JmesFunction> All = new JmesFunction[]
    {
        Of("abs", (args, _) => JmesValue.Of(Math.Abs(args[0].Number)), JmesType.Number),
        Of("avg", (args, run) => Numbers("avg", args[0], run) is { Count: > 0 } numbers ? JmesValue.Of(numbers.Average()) : JmesValue.Null, JmesType.Array),
        Of("ceil", (args, _) => JmesValue.Of(Math.Ceiling(args[0].Number)), JmesType.Number),
        Of("contains", Contains, JmesType.Array | JmesType.String, JmesType.Any),
        Of("ends_with", (args, _) => JmesValue.Of(args[0].Text.EndsWith(args[1].Text, StringComparison.Ordinal)), JmesType.String, JmesType.String),
        Of("floor", (args, _) => JmesValue.Of(Math.Floor(args[0].Number)), JmesType.Number),
        Of("join", Join, JmesType.String, JmesType.Array),
        Of("keys", (args, run) => JmesValue.Of([.. args[0].Members(run).Select(member => JmesValue.Of(member.Key))]), JmesType.Object),
        Of("length", Length, JmesType.String | JmesType.Array | JmesType.Object),
        Of("map", (args, run) => JmesValue.Of([.. args[1].Items(run).Select(item => args[0].Expression.Evaluate(item, run))]), JmesType.Expression, JmesType.Array),
        Of("max", (args, run) => Extreme("max", args[0], run, last: true), JmesType.Array),
        Of("max_by", (args, run) => ExtremeBy("max_by", args, run, last: true), JmesType.Array, JmesType.Expression),
        Of("merge", Merge, JmesType.Object) with { Repeats = true },
        Of("min", (args, run) => Extreme("min", args[0], run, last: false), JmesType.Array),
        Of("min_by", (args, run) => ExtremeBy("min_by", args, run, last: false), JmesType.Array, JmesType.Expression),
        Of("not_null", (args, _) => Array.Find(args, arg => !arg.IsNull), JmesType.Any) with { Repeats = true },
        Of("reverse", Reverse, JmesType.String | JmesType.Array),
        Of("sort", (args, run) => JmesValue.Of(Sorted("sort", args[0].Items(run), item => item, run)), JmesType.Array),
        Of("sort_by", (args, run) => JmesValue.Of(Sorted("sort_by", args[0].Items(run), item => args[1].Expression.Evaluate(item, run), run)), JmesType.Array, JmesType.Expression),
        Of("starts_with", (args, _) => JmesValue.Of(args[0].Text.StartsWith(args[1].Text, StringComparison.Ordinal)), JmesType.String, JmesType.String),
        Of("sum", (args, run) => JmesValue.Of(Numbers("sum", args[0], run).Sum()), JmesType.Array),
        Of("to_array", (args, _) => args[0].Type is JmesType.Array ? args[0] : JmesValue.Of([args[0]]), JmesType.Any),
        Of("to_number", (args, _) => ToNumber(args[0]), JmesType.Any),
        Of("to_string", (args, run) => args[0].Type is JmesType.String ? args[0] : JmesValue.Of(ToText(args[0], run)), JmesType.Any),
        Of("type", (args, _) => JmesValue.Of(WordOf(args[0].Type)), JmesType.Any),
        Of("values", (args, run) => JmesValue.Of([.. args[0].Members(run).Select(member => member.Value)]), JmesType.Object),
    }.ToDictionary(function => function.Name);

    /// <summary>The function with this name, which takes so many arguments.</summary>
    public static JmesFunction Find(string name, int arguments) =>
        !All.TryGetValue(name, out var function) ? throw new JmesException($"there is no function {name}.")
        : arguments == function.Takes.Length || (function.Repeats && arguments > function.Takes.Length) ? function
        : throw new JmesException($"{name} takes {function.Takes.Length}{(function.Repeats ? " or more" : "")} arguments, not {arguments}.");

    public JmesValue Call(JmesValue[] arguments, JmesRun run)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            var takes = Takes[Math.Min(i, Takes.Length - 1)];
            if ((arguments[i].Type & takes) == 0)
            {
                throw new JmesException($"{Name} cannot take {WordOf(arguments[i].Type)} as its argument {i + 1}.");
            }
            if (arguments[i].Type is JmesType.String)
            {
                run.Spend(arguments[i].Text.Length / CharactersPerStep);
            }
        }
        return Apply(arguments, run);
    }

    private static JmesFunction Of(string name, Func<JmesValue[], JmesRun, JmesValue> apply, params JmesType[] takes) => new(name, takes, false, apply);

    private static string WordOf(JmesType type) => type.ToString().ToLowerInvariant();

    private static JmesException WrongItems(string function) => new($"{function} cannot take these values: they must be all numbers or all strings.");

    private static List<double> Numbers(string function, JmesValue array, JmesRun run) =>
        array.Items(run) is var items && items.TrueForAll(item => item.Type is JmesType.Number) ? items.ConvertAll(item => item.Number)
        : throw new JmesException($"{function} takes an array of numbers.");

    private static JmesValue Contains(JmesValue[] args, JmesRun run)
    {
        if (args[0].Type is JmesType.Array)
        {
            return JmesValue.Of(args[0].Items(run).Exists(item => item.Is(args[1], run)));
        }
        if (args[1].Type is not JmesType.String)
        {
            return JmesValue.Of(false);
        }
        // At its worst a search begins anew at each character.
        run.Spend((long)args[0].Text.Length / CharactersPerStep * (args[1].Text.Length / CharactersPerStep));
        return JmesValue.Of(args[0].Text.Contains(args[1].Text, StringComparison.Ordinal));
    }

    private static JmesValue Join(JmesValue[] args, JmesRun run)
    {
        var items = args[1].Items(run);
        if (!items.TrueForAll(item => item.Type is JmesType.String))
        {
            throw new JmesException("join takes an array of strings.");
        }
        var characters = items.Sum(item => (long)item.Text.Length) + ((long)args[0].Text.Length * items.Count);
        run.Spend(characters / CharactersPerStep);
        return characters > MostTextBytes ? throw new JmesException("A text became too long.") : JmesValue.Of(string.Join(args[0].Text, items.Select(item => item.Text)));
    }

    private static JmesValue Length(JmesValue[] args, JmesRun run) => JmesValue.Of(args[0].Type switch
    {
        JmesType.String => args[0].Text.EnumerateRunes().Count(),
        JmesType.Array => args[0].Items(run).Count,
        _ => (double)args[0].Members(run).Count,
    });

    private static JmesValue Merge(JmesValue[] args, JmesRun run)
    {
        var merged = new Dictionary<string, JmesValue>(StringComparer.Ordinal);
        foreach (var (name, value) in args.SelectMany(arg => arg.Members(run)))
        {
            merged[name] = value;
        }
        return JmesValue.Of([.. merged]);
    }

    private static JmesValue Reverse(JmesValue[] args, JmesRun run)
    {
        if (args[0].Type is JmesType.Array)
        {
            return JmesValue.Of([.. Enumerable.Reverse(args[0].Items(run))]);
        }
        return JmesValue.Of(string.Concat(args[0].Text.EnumerateRunes().Reverse().Select(rune => rune.ToString())));
    }

    private static JmesValue Extreme(string function, JmesValue array, JmesRun run, bool last) =>
        Sorted(function, array.Items(run), item => item, run) is { Count: > 0 } sorted ? sorted[last ? ^1 : 0] : JmesValue.Null;

    private static JmesValue ExtremeBy(string function, JmesValue[] args, JmesRun run, bool last)
    {
        var sorted = Sorted(function, args[0].Items(run), item => args[1].Expression.Evaluate(item, run), run);
        return sorted.Count > 0 ? sorted[last ? ^1 : 0] : JmesValue.Null;
    }

    /// <summary>The items by their keys, which must be all numbers or all strings; those with the same key stay in their order.</summary>
    private static List<JmesValue> Sorted(string function, List<JmesValue> items, Func<JmesValue, JmesValue> keyOf, JmesRun run)
    {
        var keyed = items.ConvertAll(item => (Item: item, Key: keyOf(item)));
        run.Spend((long)items.Count * (1 + (int)Math.Log2(items.Count + 1)));
        if (keyed.TrueForAll(pair => pair.Key.Type is JmesType.Number))
        {
            return [.. keyed.OrderBy(pair => pair.Key.Number).Select(pair => pair.Item)];
        }
        return keyed.TrueForAll(pair => pair.Key.Type is JmesType.String)
            ? [.. keyed.OrderBy(pair => pair.Key.TextPaidFor(run), StringComparer.Ordinal).Select(pair => pair.Item)]
            : throw WrongItems(function);
    }

    private static JmesValue ToNumber(JmesValue value)
    {
        if (value.Type is not JmesType.String)
        {
            return value.Type is JmesType.Number ? value : JmesValue.Null;
        }
        return double.TryParse(value.Text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) ? JmesValue.Of(number) : JmesValue.Null;
    }

    private static string ToText(JmesValue value, JmesRun run)
    {
        var output = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(output, Compact))
        {
            value.Write(writer, run, MostTextBytes, 0);
        }
        run.Spend(output.WrittenCount / CharactersPerStep);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
