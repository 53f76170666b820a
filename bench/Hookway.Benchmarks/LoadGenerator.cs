using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Hookway.Benchmarks;

/// <summary>Sends messages: as fast as the answers come (closed loop) or on a schedule that waits for nothing (open loop).</summary>
public static class LoadGenerator
{
    /// <summary>Connections of the open loop. Past them arrivals wait in the generator, and their latency counts from when they were due.</summary>
    public const int OpenLoopConnections = 128;

    private const int ScheduleSeed = 20_260_101;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Each connection sends the next message when the one before is answered or, with <paramref name="untilDelivered"/>, when the receiver has it too.</summary>
    /// <returns>How long it took, until the last answer.</returns>
    public static async Task<TimeSpan> Closed(SendTarget target, MessageLog log, int connections, TimeSpan length, bool delivers, bool untilDelivered = false)
    {
        var clients = await LoadClient.ConnectMany(target, connections);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(clients.Select(client => Task.Run(async () =>
        {
            using (client)
            {
                var template = new MessageTemplate(target, delivers);
                using var delivered = untilDelivered ? new SemaphoreSlim(0) : null;
                while (Stopwatch.GetElapsedTime(start) < length && log.Take() is >= 0 and var place)
                {
                    var goesOn = await Send(client, template, log, place, Stopwatch.GetTimestamp(), delivered);
                    if (!goesOn || (delivered is not null && !await delivered.WaitAsync(Patience)))
                    {
                        return;
                    }
                }
            }
        })));
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Sends at a rate with exponential gaps, the same ones in every run.</summary>
    public static async Task<OpenRun> Open(SendTarget target, MessageLog log, double rate, TimeSpan length)
    {
        var offsets = Schedule(rate, length, log.Capacity);
        var clients = await LoadClient.ConnectMany(target, OpenLoopConnections);
        var arrivals = Channel.CreateUnbounded<(int Place, long DueAt)>(new UnboundedChannelOptions { SingleWriter = true });
        var workers = clients.Select(client => Task.Run(() => Work(client, new MessageTemplate(target, delivers: true), log, arrivals.Reader))).ToList();

        var start = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100);
        var pacer = new Thread(() => Pace(offsets, start, log, arrivals.Writer)) { IsBackground = true, Priority = ThreadPriority.AboveNormal };
        pacer.Start();
        var backlog = new List<int>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await timer.WaitForNextTickAsync() && Stopwatch.GetElapsedTime(start) < length)
        {
            var due = Array.BinarySearch(offsets, Stopwatch.GetTimestamp() - start);
            backlog.Add((due < 0 ? ~due : due) - log.Delivered);
        }
        var delivered = log.Delivered;
        await Task.WhenAll(workers);
        return new OpenRun(backlog, delivered / length.TotalSeconds);
    }

    private static async Task Work(LoadClient client, MessageTemplate template, MessageLog log, ChannelReader<(int Place, long DueAt)> arrivals)
    {
        using (client)
        {
            await foreach (var (place, dueAt) in arrivals.ReadAllAsync())
            {
                if (!await Send(client, template, log, place, dueAt))
                {
                    return;
                }
            }
        }
    }

    private static async ValueTask<bool> Send(
        LoadClient client, MessageTemplate template, MessageLog log, int place, long dueAt, SemaphoreSlim? onDelivery = null)
    {
        log.Sending(place, dueAt, onDelivery);
        try
        {
            log.Answered(place, await client.Send(template.Bytes(log.NumberOf(place))));
            return true;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            log.Broke();
            return false;
        }
    }

    private static long[] Schedule(double rate, TimeSpan length, int most)
    {
        var random = new Random(ScheduleSeed);
        var offsets = new List<long>();
        for (var at = 0.0; at < length.TotalSeconds && offsets.Count < most; at -= Math.Log(1 - random.NextDouble()) / rate)
        {
            offsets.Add((long)(at * Stopwatch.Frequency));
        }
        return [.. offsets];
    }

    private static void Pace(long[] offsets, long start, MessageLog log, ChannelWriter<(int Place, long DueAt)> arrivals)
    {
        foreach (var offset in offsets)
        {
            SleepUntil(start + offset);
            arrivals.TryWrite((log.Take(), start + offset));
        }
        arrivals.Complete();
    }

    // The timers of .NET count milliseconds; at a light load that would be most of what is measured.
    private static void SleepUntil(long due)
    {
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
        if (left > TimeSpan.Zero)
        {
            var time = new Timespec { Seconds = (nint)(left.Ticks / TimeSpan.TicksPerSecond), Nanoseconds = (nint)(left.Ticks % TimeSpan.TicksPerSecond * 100) };
            _ = nanosleep(in time, 0);
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int nanosleep(in Timespec time, nint remaining);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}

/// <summary>How an open loop went.</summary>
/// <param name="Backlog">Ten times a second: arrivals due by then that the receiver had not seen.</param>
/// <param name="DeliveredPerSecond">Messages that the receiver had seen when the schedule ended.</param>
public sealed record OpenRun(IReadOnlyList<int> Backlog, double DeliveredPerSecond);
