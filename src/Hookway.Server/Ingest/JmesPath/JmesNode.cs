namespace Hookway.Ingest.JmesPath;

/// <summary>A part of an expression: makes a value of the one that it is applied to.</summary>
internal abstract class JmesNode(params JmesNode[] parts)
{
    public static JmesNode Identity { get; } = new CurrentNode();

    public int Depth { get; } = 1 + parts.Select(part => part.Depth).DefaultIfEmpty().Max();

    public JmesValue Evaluate(JmesValue value, JmesRun run)
    {
        run.Spend(1);
        return Apply(value, run);
    }

    protected abstract JmesValue Apply(JmesValue value, JmesRun run);
}

internal sealed class CurrentNode : JmesNode
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => value;
}

internal sealed class LiteralNode(JmesValue literal) : JmesNode
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => literal;
}

internal sealed class FieldNode(string name) : JmesNode
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => value.Member(name, run);
}

/// <summary><c>left | right</c>, and <c>left.right</c>, which differ in how they bind alone.</summary>
internal sealed class PipeNode(JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => right.Evaluate(left.Evaluate(value, run), run);
}

internal sealed class IndexNode(JmesNode left, int index) : JmesNode(left)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run)
    {
        if (left.Evaluate(value, run) is not { Type: JmesType.Array } array)
        {
            return JmesValue.Null;
        }
        var items = array.Items(run);
        var at = index < 0 ? items.Count + index : index;
        return at >= 0 && at < items.Count ? items[at] : JmesValue.Null;
    }
}

internal sealed class SliceNode(JmesNode left, int? start, int? stop, int step) : JmesNode(left)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run)
    {
        if (left.Evaluate(value, run) is not { Type: JmesType.Array } array)
        {
            return JmesValue.Null;
        }
        var items = array.Items(run);
        var (least, most) = step > 0 ? (0, items.Count) : (-1, items.Count - 1);
        int Clamp(int at) => Math.Clamp(at < 0 ? at + items.Count : at, least, most);
        var from = start is { } given ? Clamp(given) : step > 0 ? least : most;
        var to = stop is { } end ? Clamp(end) : step > 0 ? most : least;
        var found = new List<JmesValue>();
        for (long at = from; step > 0 ? at < to : at > to; at += step)
        {
            found.Add(items[(int)at]);
        }
        return JmesValue.Of(found);
    }
}

/// <summary><c>left[*].right</c>: what the right side makes of each item, without what it makes nothing of.</summary>
internal sealed class ProjectionNode(JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) =>
        left.Evaluate(value, run) is { Type: JmesType.Array } array ? Project(array.Items(run), right, run) : JmesValue.Null;

    public static JmesValue Project(IEnumerable<JmesValue> items, JmesNode right, JmesRun run)
    {
        var found = new List<JmesValue>();
        foreach (var item in items)
        {
            if (right.Evaluate(item, run) is { IsNull: false } made)
            {
                found.Add(made);
            }
        }
        return JmesValue.Of(found);
    }
}

/// <summary><c>left.*.right</c></summary>
internal sealed class ValueProjectionNode(JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => left.Evaluate(value, run) is { Type: JmesType.Object } found
        ? ProjectionNode.Project(found.Members(run).Select(member => member.Value), right, run)
        : JmesValue.Null;
}

/// <summary><c>left[?condition].right</c></summary>
internal sealed class FilterNode(JmesNode left, JmesNode condition, JmesNode right) : JmesNode(left, condition, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => left.Evaluate(value, run) is { Type: JmesType.Array } array
        ? ProjectionNode.Project(array.Items(run).Where(item => condition.Evaluate(item, run).IsTruthy(run)), right, run)
        : JmesValue.Null;
}

internal sealed class FlattenNode(JmesNode left) : JmesNode(left)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run)
    {
        if (left.Evaluate(value, run) is not { Type: JmesType.Array } array)
        {
            return JmesValue.Null;
        }
        var found = new List<JmesValue>();
        foreach (var item in array.Items(run))
        {
            if (item.Type is JmesType.Array)
            {
                found.AddRange(item.Items(run));
            }
            else
            {
                found.Add(item);
            }
        }
        return JmesValue.Of(found);
    }
}

internal sealed class OrNode(JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => left.Evaluate(value, run) is var found && found.IsTruthy(run) ? found : right.Evaluate(value, run);
}

internal sealed class AndNode(JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => left.Evaluate(value, run) is var found && found.IsTruthy(run) ? right.Evaluate(value, run) : found;
}

internal sealed class NotNode(JmesNode inner) : JmesNode(inner)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => JmesValue.Of(!inner.Evaluate(value, run).IsTruthy(run));
}

internal sealed class ComparisonNode(JmesToken comparison, JmesNode left, JmesNode right) : JmesNode(left, right)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run)
    {
        var (a, b) = (left.Evaluate(value, run), right.Evaluate(value, run));
        if (comparison is JmesToken.Equal or JmesToken.NotEqual)
        {
            return JmesValue.Of(a.Is(b, run) == comparison is JmesToken.Equal);
        }
        if (a.Type is not JmesType.Number || b.Type is not JmesType.Number)
        {
            return JmesValue.Null;
        }
        return JmesValue.Of(comparison switch
        {
            JmesToken.Less => a.Number < b.Number,
            JmesToken.LessOrEqual => a.Number <= b.Number,
            JmesToken.Greater => a.Number > b.Number,
            _ => a.Number >= b.Number,
        });
    }
}

/// <summary><c>[a, b]</c></summary>
internal sealed class ListNode(JmesNode[] items) : JmesNode([.. items])
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => value.IsNull ? value : JmesValue.Of([.. items.Select(item => item.Evaluate(value, run))]);
}

/// <summary><c>{a: b}</c></summary>
internal sealed class HashNode(KeyValuePair<string, JmesNode>[] members) : JmesNode([.. members.Select(member => member.Value)])
{
    protected override JmesValue Apply(JmesValue value, JmesRun run)
    {
        if (value.IsNull)
        {
            return value;
        }
        var made = new Dictionary<string, JmesValue>(StringComparer.Ordinal);
        foreach (var (name, node) in members)
        {
            made[name] = node.Evaluate(value, run);
        }
        return JmesValue.Of([.. made]);
    }
}

/// <summary><c>&amp;inner</c>, for a function that applies it.</summary>
internal sealed class ReferenceNode(JmesNode inner) : JmesNode(inner)
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => JmesValue.Of(inner);
}

internal sealed class CallNode(JmesFunction function, JmesNode[] arguments) : JmesNode([.. arguments])
{
    protected override JmesValue Apply(JmesValue value, JmesRun run) => function.Call([.. arguments.Select(argument => argument.Evaluate(value, run))], run);
}
