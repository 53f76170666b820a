using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>A store with very many deliveries that are due to targets that refuse: memory, the start, and what new work to other targets notices.</summary>
public sealed class PendingBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int DeadTargets = 1_000;
    private const int Connections = 64;
    private const int MostPerSecond = 60_000;
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(100);

    private readonly List<PendingFigure> _figures = [];
    private readonly List<LedgerEntry> _ledger = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(Math.Max(options.Phase.TotalSeconds, options.WarmUp.TotalSeconds) * MostPerSecond));
        using var receiver = new Receiver(log);
        await using (var embedded = await HookwayUnderTest.Start(options.Targets + DeadTargets, log, receiver, url: Urls(receiver)))
        {
            await Measure(embedded, log);
        }
        if (PrivatePostgres.IsInstalled)
        {
            await using var postgres = await PrivatePostgres.Start();
            await using var hookway = await HookwayUnderTest.Start(options.Targets + DeadTargets, log, receiver, Store.Postgres, postgres, Urls(receiver));
            await Measure(hookway, log);
        }
        return ToSection();
    }

    private Func<int, string> Urls(Receiver receiver)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var refusing = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/hook";
        return number => number < options.Targets ? receiver.Url : refusing;
    }

    private async Task Measure(HookwayUnderTest hookway, MessageLog log)
    {
        hookway.SendTo(options.Targets);
        await hookway.Restart();
        await Phase(hookway, log, 0);
        progress($"pending, {hookway.Name}: adding {options.PendingRows:N0}");
        await hookway.Restart(connection => new History(connection).Add(options.PendingRows, firstTarget: 1 + options.Targets, DeadTargets, isPending: true));
        await Phase(hookway, log, options.PendingRows);
    }

    private async Task Phase(HookwayUnderTest hookway, MessageLog log, int pending)
    {
        hookway.Ledger.Begin();
        await LoadGenerator.Closed(hookway.Target, log, 1, FirstLook, delivers: true, untilDelivered: true);
        var first = Stopwatch.GetElapsedTime(hookway.Process.StartedAt, log.FirstReceipt);
        await hookway.Ledger.Drain(isAlone: pending == 0);
        progress($"pending, {hookway.Name}, {pending:N0}: warming up");
        await hookway.WarmUp(log, options.WarmUp, isAlone: pending == 0);
        progress($"pending, {hookway.Name}, {pending:N0}: accepts");
        var accepts = await Rate(hookway, log, pending, untilDelivered: false);
        progress($"pending, {hookway.Name}, {pending:N0}: deliveries");
        var loop = await Rate(hookway, log, pending, untilDelivered: true);
        _figures.Add(new PendingFigure(hookway.Name, pending, hookway.Process.StartedIn, first, accepts, loop, hookway.Process.PeakMegabytes));
    }

    private async Task<double> Rate(HookwayUnderTest hookway, MessageLog log, int pending, bool untilDelivered)
    {
        hookway.Ledger.Begin();
        var took = await LoadGenerator.Closed(hookway.Target, log, Connections, options.Phase, delivers: untilDelivered, untilDelivered);
        var rate = log.Acknowledged / took.TotalSeconds;
        await hookway.Ledger.Drain(isAlone: pending == 0);
        await hookway.Settle();
        _ledger.Add(hookway.Ledger.Close($"pending, {hookway.Name}, {pending:N0}, {(untilDelivered ? "loop" : "accepts")}", delivers: untilDelivered));
        return rate;
    }

    private Section ToSection() => new(
        "Pending",
        $"{options.PendingRows:N0} deliveries that are due to {DeadTargets:N0} targets that refuse connections, put into the store while the server was down; then new messages to {options.Targets} targets " +
        $"that answer, closed loop at {Connections} connections for {options.Phase.TotalSeconds} s: accepted only, and until the receiver had them. Most memory of the server's process, the whole time.",
        ["", "pending", "start to ready", "start to first delivery", "accepts/s", "loop/s", "most memory MB"],
        [.. _figures.Select(figure => (IReadOnlyList<string>)
        [
            figure.Subject, $"{figure.Pending:N0}", $"{figure.Ready.TotalMilliseconds:N0} ms", $"{figure.FirstDelivery.TotalMilliseconds:N0} ms", $"{figure.Accepts:N0}", $"{figure.Loop:N0}",
            $"{figure.PeakMegabytes:F0}",
        ])],
        _figures, _ledger, [.. Goals()]);

    private IEnumerable<Goal> Goals()
    {
        foreach (var figures in _figures.GroupBy(figure => figure.Subject))
        {
            var (empty, full) = (figures.First(), figures.Last());
            var name = $"5 · {full.Pending:N0} pending, {figures.Key}";
            yield return new Goal($"{name}: memory", $"{full.PeakMegabytes:F0} MB", "≤ 400 MB", full.PeakMegabytes <= 400);
            yield return new Goal($"{name}: accepts, of an empty queue", $"{full.Accepts / empty.Accepts:F2}", "≥ 0.80", full.Accepts >= 0.8 * empty.Accepts);
            yield return new Goal($"{name}: deliveries of new work, of an empty queue", $"{full.Loop / empty.Loop:F2}", "≥ 0.80", full.Loop >= 0.8 * empty.Loop);
            yield return new Goal($"{name}: start to first delivery", $"{full.FirstDelivery.TotalSeconds:F1} s", "≤ 5 s", full.FirstDelivery.TotalSeconds <= 5);
        }
    }
}

/// <summary>One store, with or without the pending deliveries.</summary>
public sealed record PendingFigure(string Subject, int Pending, TimeSpan Ready, TimeSpan FirstDelivery, double Accepts, double Loop, double PeakMegabytes);
