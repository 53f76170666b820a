using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Hookway.Benchmarks;

/// <summary>What was measured and on what.</summary>
public sealed record Machine(string Revision, string Processor, int Cores, double MemoryGigabytes, string System, string Runtime, string Disk, double SyncMilliseconds)
{
    private const int Syncs = 200;

    public static async Task<Machine> Describe()
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        var memory = File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        var changed = (await Ask("git", "-C", Repository.Root, "status", "--porcelain")).Length > 0;
        return new Machine(
            await Ask("git", "-C", Repository.Root, "rev-parse", "--short", "HEAD") + (changed ? "-changed" : ""),
            processor ?? RuntimeInformation.ProcessArchitecture.ToString(),
            Environment.ProcessorCount,
            double.Parse(memory, CultureInfo.InvariantCulture) / 1024 / 1024,
            RuntimeInformation.OSDescription,
            RuntimeInformation.FrameworkDescription,
            await Ask("stat", "-f", "-c", "%T", Repository.Data),
            MedianSync());
    }

    /// <summary>What a durable commit costs at least: appending 4 KiB and flushing them to the disk.</summary>
    private static double MedianSync()
    {
        var file = Path.Combine(Repository.Data, "sync");
        var times = new double[Syncs];
        using (var handle = File.OpenHandle(file, FileMode.Create, FileAccess.Write))
        {
            var page = new byte[4096];
            for (var i = 0; i < Syncs; i++)
            {
                var start = Stopwatch.GetTimestamp();
                RandomAccess.Write(handle, page, (long)i * page.Length);
                RandomAccess.FlushToDisk(handle);
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }
        File.Delete(file);
        return Latency.Of(times).P50;
    }

    private static async Task<string> Ask(string program, params string[] words)
    {
        using var process = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text.Trim();
    }
}
