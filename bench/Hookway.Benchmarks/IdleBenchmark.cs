using System.Diagnostics;
using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>What the server takes when it does nothing: its start on a fresh and on an existing folder, memory and CPU at rest, before and after a load.</summary>
public sealed class IdleBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int LoadConnections = 64;
    private const int MostPerSecond = 60_000;

    private readonly List<double> _freshStarts = [];
    private readonly List<double> _laterStarts = [];

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(options.Phase.TotalSeconds * MostPerSecond));
        using var receiver = new Receiver(log);
        await using var bare = await ServerProcess.StartBare("bare");
        for (var round = 1; round < options.Rounds; round++)
        {
            await using var passing = await Start(log, receiver);
        }
        await using var hookway = await Start(log, receiver);
        var before = await Rest(hookway.Process, "after the start");
        var bareMemory = bare.MemoryMegabytes;

        progress("idle, load");
        hookway.Ledger.Begin();
        await LoadGenerator.Closed(hookway.Target, log, LoadConnections, options.Phase, delivers: true);
        await hookway.Ledger.Drain();
        var ledger = hookway.Ledger.Close("load between rests", delivers: true);
        var after = await Rest(hookway.Process, "after a load");
        var peak = hookway.Process.PeakMegabytes;
        await hookway.Restart();
        return ToSection(before, after, peak, bareMemory, hookway.Process.StartedIn.TotalMilliseconds, ledger);
    }

    private async Task<HookwayUnderTest> Start(MessageLog log, Receiver receiver)
    {
        progress("idle, starting");
        var hookway = await HookwayUnderTest.Start(options.Targets, log, receiver);
        _freshStarts.Add(hookway.Process.StartedIn.TotalMilliseconds);
        await hookway.Restart();
        _laterStarts.Add(hookway.Process.StartedIn.TotalMilliseconds);
        return hookway;
    }

    private async Task<RestFigure> Rest(ServerProcess process, string when)
    {
        progress($"idle, at rest {when}");
        await process.Settle();
        await Task.Delay(options.UntilRest);
        var cpu = process.CpuMicroseconds;
        var start = Stopwatch.GetTimestamp();
        await Task.Delay(options.Idle);
        var share = (process.CpuMicroseconds - cpu) / Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        return new RestFigure(when, process.MemoryMegabytes, share * 100);
    }

    private Section ToSection(RestFigure before, RestFigure after, double peak, double bareMemory, double startAfterLoad, LedgerEntry ledger)
    {
        var fresh = Report.Median(_freshStarts);
        var later = Report.Median(_laterStarts);
        return new Section(
            "Start and rest",
            $"From the start of the process to `GET /readyz` 200, medians of {options.Rounds}; memory (RSS) and CPU over {options.Idle.TotalSeconds} s at rest, with {options.Targets} endpoints " +
            $"set up; the load is {options.Phase.TotalSeconds} s of accepts with a delivery at {LoadConnections} connections, drained.",
            ["", ""],
            [
                ["start, fresh folder", $"{fresh:N0} ms"],
                ["start, existing folder", $"{later:N0} ms"],
                [$"start, folder with {ledger.Stored:N0} messages", $"{startAfterLoad:N0} ms"],
                ["memory at rest after the start", $"{before.Megabytes:F0} MB"],
                ["memory at rest after a load", $"{after.Megabytes:F0} MB"],
                ["most memory during the load", $"{peak:F0} MB"],
                ["memory of bare Kestrel at rest", $"{bareMemory:F0} MB"],
                ["CPU at rest after the start", $"{before.CpuPercent:F2} % of a core"],
                ["CPU at rest after a load", $"{after.CpuPercent:F2} % of a core"],
            ],
            new { FreshStarts = _freshStarts, LaterStarts = _laterStarts, StartAfterLoad = startAfterLoad, before, after, peak, bareMemory },
            [ledger],
            [
                new Goal("start on a fresh folder", $"{fresh:N0} ms", "≤ 2,000 ms", fresh <= 2_000),
                new Goal("memory at rest after the start", $"{before.Megabytes:F0} MB", "≤ 150 MB", before.Megabytes <= 150),
                new Goal("memory at rest after a load", $"{after.Megabytes:F0} MB", "≤ 150 MB", after.Megabytes <= 150),
                new Goal("CPU at rest", $"{before.CpuPercent:F2} %", "≤ 1 %", before.CpuPercent <= 1),
            ]);
    }
}

/// <summary>The server at rest.</summary>
public sealed record RestFigure(string When, double Megabytes, double CpuPercent);
