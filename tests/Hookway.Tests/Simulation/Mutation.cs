using Hookway.Storage;

namespace Hookway.Tests.Simulation;

/// <summary>An engine broken on purpose: the simulation must notice.</summary>
internal abstract class Mutation
{
    /// <summary>What a write comes to in place of being made; null to let it be made.</summary>
    public virtual Task<TResult>? Write<TItem, TResult>(World world, WriteLane<TItem, TResult> lane, TItem item) => null;

    /// <summary>What is to stand in the place of a lane.</summary>
    public virtual WriteLane<TItem, TResult>? Replace<TItem, TResult>(WriteLane<TItem, TResult> lane) => null;

    /// <summary>Whether it takes several nodes to show.</summary>
    public virtual bool NeedsSeveralNodes => false;

    /// <summary>What is done to the store before the world begins.</summary>
    public virtual string? ChangeOfStore => null;
}

/// <summary>Now and then an attempt's outcome is thought to be recorded and is not.</summary>
internal sealed class OutcomeDropped : Mutation
{
    public override Task<TResult>? Write<TItem, TResult>(World world, WriteLane<TItem, TResult> lane, TItem item) =>
        lane.Name == "attempts" && world.Chance(0.05) ? Task.FromResult<TResult>(default!) : null;
}

/// <summary>What is committed together is handed over back to front.</summary>
internal sealed class OrderSwapped : Mutation
{
    private readonly Dictionary<object, object> _swapped = [];

    public override WriteLane<TItem, TResult>? Replace<TItem, TResult>(WriteLane<TItem, TResult> lane)
    {
        if (lane.Name != "messages")
        {
            return null;
        }
        if (!_swapped.TryGetValue(lane, out var swapped))
        {
            _swapped[lane] = swapped = new WriteLane<TItem, TResult>(
                lane.Name, lane.Run, (items, results) => lane.Committed!([.. items.Reverse()], [.. results.Reverse()]), lane.SizeOf);
        }
        return (WriteLane<TItem, TResult>)swapped;
    }
}

/// <summary>A node that was given up, so that others have what it had, is not told of it: it goes on as before.</summary>
internal sealed class LeaseIgnored : Mutation
{
    public override bool NeedsSeveralNodes => true;

    public override string ChangeOfStore =>
        "CREATE TRIGGER lease_ignored AFTER DELETE ON nodes BEGIN INSERT INTO nodes (no, name, lease_until) VALUES (old.no, old.name, old.lease_until + 10000000000); END";
}
