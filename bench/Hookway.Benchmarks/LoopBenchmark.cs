using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>
/// The whole loop, from the request that sends a message to the first byte of its delivery at the receiver: at a light load, closed loop, and the highest rate that can be
/// sustained; on both stores, on one that keeps nothing, and for the stacks that a team would build instead.
/// </summary>
public sealed class LoopBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int MostPerSecond = 30_000;

    private readonly List<Outcome> _outcomes = [];
    private string _absent = "";

    public async Task<Section> Run()
    {
        var longest = new[] { options.WarmUp, options.LightLoad, options.SearchStep, options.Hold, options.Phase }.Max();
        var log = new MessageLog((int)Math.Min(longest.TotalSeconds * MostPerSecond, 2_000_000));
        using var receiver = new Receiver(log);
        await using var postgres = PrivatePostgres.IsInstalled ? await PrivatePostgres.Start() : null;
        foreach (var store in Enum.GetValues<Store>().Where(store => options.Compares($"Hookway, {HookwayUnderTest.NameOf(store)}") && (postgres is not null || store is not Store.Postgres)))
        {
            progress($"Hookway, {HookwayUnderTest.NameOf(store)}: starting");
            await using var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver, store, store is Store.Postgres ? postgres : null);
            await Measure(hookway, log);
        }
        foreach (var (stack, programs) in await Stacks())
        {
            if (stack.Queue is QueueIn.Postgres && postgres is null)
            {
                continue;
            }
            progress($"{stack.Name}: starting");
            await using var subject = await StackUnderTest.Start(stack, programs, log, receiver, postgres);
            await Measure(subject, log);
        }
        return ToSection();
    }

    private async Task<IEnumerable<(HomeMade, StackFolder)>> Stacks()
    {
        var wanted = HomeMade.All.Where(stack => options.Compares(stack.Name)).ToList();
        if (wanted.Count == 0)
        {
            return [];
        }
        if (await StackFolder.Prepare(options.Stacks, progress) is { } programs)
        {
            return wanted.Select(stack => (stack, programs));
        }
        _absent = $" The do-it-yourself stacks were passed over: they are not there.";
        return [];
    }

    private async Task Measure(Subject subject, MessageLog log)
    {
        var run = new LoopRun(subject, log, options, progress);
        await subject.WarmUp(log, options.WarmUp);
        var light = await run.Light();
        var sustained = await run.Search((await run.Closed()).Delivered);
        var held = options.Hold > TimeSpan.Zero && sustained > 0 && subject is HookwayUnderTest ? await run.Hold(sustained) : null;
        _outcomes.Add(new Outcome(subject.Name, subject is StackUnderTest, light, sustained, held, run.Figures, run.Books));
    }

    private Section ToSection() => new(
        "Whole loop",
        "From the scheduled time of the request (closed loop: from its start) to the first byte at the receiver, which answers at once and lives in the generator's process. " +
        $"Open loop over {LoadGenerator.OpenLoopConnections} connections with exponential gaps; {options.Targets} recipients in turn, one endpoint each. A rate is sustained when the backlog " +
        "(arrivals due less messages received) grows from the middle to the last third of the step by at most 100 ms worth of arrivals, and is at most 250 ms worth in the last third; " +
        $"a step that fails is tried once more. Steps of {options.SearchStep.TotalSeconds} s, then held for {options.Hold.TotalSeconds} s. CPU is that of all processes of the subject, its " +
        $"database included.{_absent}",
        ["", "sustained/s", "held/s", "CPU µs/delivered", "light load p50 ms", "p99 ms"],
        [.. _outcomes.Select(outcome => (IReadOnlyList<string>)
        [
            outcome.Name, $"{outcome.Sustained:N0}", outcome.Held is null ? "–" : $"{outcome.Held.Offered:N0}", $"{outcome.BusyCpu:F0}",
            $"{outcome.Light.Delivering.P50:F2}", $"{outcome.Light.Delivering.P99:F2}",
        ])],
        _outcomes.Select(outcome => outcome.Figures), [.. _outcomes.SelectMany(outcome => outcome.Books)], [.. Goals()]);

    private IEnumerable<Goal> Goals()
    {
        var best = _outcomes.Where(outcome => outcome.IsStack).MaxBy(outcome => outcome.Sustained);
        var nothing = Of(Store.Nothing);
        foreach (var store in (Store[])[Store.Embedded, Store.Postgres])
        {
            if (Of(store) is not { } hookway)
            {
                continue;
            }
            var name = HookwayUnderTest.NameOf(store);
            if (best is { Sustained: > 0 })
            {
                var ratio = hookway.Sustained / best.Sustained;
                yield return new Goal($"2 · whole loop, {name}, of the best stack ({best.Name})", $"{ratio:F2}", "≥ 2", ratio >= 2);
                yield return new Goal("2 · the same, stretch", $"{ratio:F2}", "≥ 3", ratio >= 3);
            }
            if (nothing is { Sustained: > 0 })
            {
                var ratio = hookway.Sustained / nothing.Sustained;
                yield return new Goal($"2 · whole loop, {name}, of a store that keeps nothing", $"{ratio:F2}", "≥ 0.45", ratio >= 0.45);
                yield return new Goal("2 · the same, stretch", $"{ratio:F2}", "≥ 0.60", ratio >= 0.6);
            }
            yield return new Goal($"3 · light load, {name}, p50", $"{hookway.Light.Delivering.P50:F2} ms", "≤ 3 ms", hookway.Light.Delivering.P50 <= 3);
            yield return new Goal($"3 · light load, {name}, p99", $"{hookway.Light.Delivering.P99:F2} ms", "≤ 12 ms", hookway.Light.Delivering.P99 <= 12);
        }
    }

    private Outcome? Of(Store store) => _outcomes.Find(outcome => outcome.Name == $"Hookway, {HookwayUnderTest.NameOf(store)}");

    private sealed record Outcome(
        string Name, bool IsStack, LoopFigure Light, double Sustained, LoopFigure? Held, IReadOnlyList<LoopFigure> Figures, IReadOnlyList<LedgerEntry> Books)
    {
        /// <summary>CPU for each message at the highest rate that was sustained.</summary>
        public double BusyCpu => Figures.LastOrDefault(figure => figure.Offered == Sustained)?.CpuMicroseconds ?? 0;
    }
}
