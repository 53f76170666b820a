using Hookway.Benchmarks;
using Hookway.Benchmarks.Lists;

if (args is ["bare", var port])
{
    await BareEndpoint.Run(port);
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
if (options.Runs("accept"))
{
    report.Add(await new AcceptBenchmark(options, report.Progress).Run());
}
if (options.Runs("loop"))
{
    report.Add(await new LoopBenchmark(options, report.Progress).Run());
}
if (options.Runs("idle"))
{
    report.Add(await new IdleBenchmark(options, report.Progress).Run());
}
if (options.Runs("lists"))
{
    report.Add(await new ListsBenchmark(options, report.Progress).Run());
}
return report.End() ? 0 : 1;
