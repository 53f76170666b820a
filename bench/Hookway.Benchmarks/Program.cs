using Hookway.Benchmarks;
using Hookway.Benchmarks.Lists;
using Hookway.Benchmarks.Nothing;

switch (args)
{
    case ["bare", var port]:
        await BareEndpoint.RunDefault(port);
        return 0;
    case ["barest", var port]:
        await BareEndpoint.RunBarest(port);
        return 0;
    case ["nothing", var folder, var port]:
        await NothingServer.Run(folder, port);
        return 0;
}
var (options, complaint) = BenchmarkOptions.Parse(args);
if (options is null)
{
    Console.Error.WriteLine(complaint);
    return 2;
}

Repository.Server = options.Server;
Repository.Prepare();
var report = new Report(options);
report.Begin(await Machine.Describe());
foreach (var (part, run) in new Dictionary<string, Func<Task<Section>>>
{
    ["accept"] = () => new AcceptBenchmark(options, report.Progress).Run(),
    ["ingest"] = () => new IngestBenchmark(options, report.Progress).Run(),
    ["loop"] = () => new LoopBenchmark(options, report.Progress).Run(),
    ["fair"] = () => new FairnessBenchmark(options, report.Progress).Run(),
    ["pending"] = () => new PendingBenchmark(options, report.Progress).Run(),
    ["growth"] = () => new GrowthBenchmark(options, report.Progress).Run(),
    ["nodes"] = () => new NodesBenchmark(options, report.Progress).Run(),
    ["idle"] = () => new IdleBenchmark(options, report.Progress).Run(),
    ["watch"] = () => new WatchBenchmark(options, report.Progress).Run(),
    ["retention"] = () => new RetentionBenchmark(options, report.Progress).Run(),
    ["lists"] = () => new ListsBenchmark(options, report.Progress).Run(),
})
{
    if (options.Runs(part))
    {
        report.Add(await run());
    }
}
return report.End() ? 0 : 1;
