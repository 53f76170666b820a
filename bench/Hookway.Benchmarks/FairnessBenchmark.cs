using System.Net;
using System.Net.Sockets;
using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>A thousand targets, of which a fifth hangs for the full timeout and a fifth refuses: what the others notice of it.</summary>
public sealed class FairnessBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Targets = 1_000;
    private const int Hanging = 200;
    private const int Refusing = 200;
    private const double Rate = 1_000;

    public async Task<Section> Run()
    {
        var log = new MessageLog((int)(options.Fair.TotalSeconds * Rate * 2) + 200_000);
        using var receiver = new Receiver(log);
        var (without, sound) = await Measure(log, receiver, url: null, "all targets answer");
        var refusing = $"http://127.0.0.1:{ClosedPort()}/hook";
        var (with, troubled) = await Measure(
            log, receiver, number => number < Hanging ? receiver.HangingUrl : number < Hanging + Refusing ? refusing : receiver.Url, "200 hang, 200 refuse");
        var ratio = with.P99 / without.P99;
        return new Section(
            "Fairness",
            $"{Targets:N0} targets in turn, {Rate:N0} messages/s for {options.Fair.TotalSeconds} s, embedded store; latency from the scheduled time of the request to the first byte at the " +
            $"receiver, of messages to the {Targets - Hanging - Refusing} targets that answer in both runs.",
            ["", "p50 ms", "p99 ms", "max ms"],
            [Row("all targets answer", without), Row($"{Hanging} hang for the full timeout, {Refusing} refuse", with)],
            new { without, with }, [sound, troubled],
            [new Goal("4 · p99 of the healthy among 1,000 targets, with 200 hanging and 200 refusing, of without", $"{ratio:F2}", "≤ 2", ratio <= 2)]);
    }

    private async Task<(Latency Healthy, LedgerEntry Books)> Measure(MessageLog log, Receiver receiver, Func<int, string>? url, string what)
    {
        progress($"fairness, {what}: starting");
        await using var hookway = await HookwayUnderTest.Start(Targets, log, receiver, url: url);
        progress($"fairness, {what}: warming up");
        hookway.Ledger.Begin();
        await LoadGenerator.Open(hookway.Target, log, Rate, options.WarmUp);
        await hookway.Settle();
        progress($"fairness, {what}");
        hookway.Ledger.Begin();
        await LoadGenerator.Open(hookway.Target, log, Rate, options.Fair);
        await Task.Delay(TimeSpan.FromSeconds(1));
        return (log.Delivering(number => number % Targets >= Hanging + Refusing), hookway.Ledger.Close($"fairness, {what}", delivers: true));
    }

    private static IReadOnlyList<string> Row(string what, Latency latency) => [what, $"{latency.P50:F2}", $"{latency.P99:F2}", $"{latency.Max:F0}"];

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
