using System.Globalization;

namespace Hookway.Benchmarks;

/// <summary>CPU time of processes, user and system, in microseconds, as the kernel counts it.</summary>
public static class ProcessCpu
{
    private const double MicrosecondsPerTick = 10_000;

    // Fields 4 (parent) and 14 to 17 (own user and system time, that of children that have ended), counted from the one behind the name, which may hold spaces.
    private const int Parent = 1;
    private const int OwnTimes = 11;
    private const int EndedTimes = 13;

    public static double Of(int process) => Read(process) is { } fields ? Sum(fields, OwnTimes) : 0;

    /// <summary>That of a process, of its children that run, and of those that have ended.</summary>
    public static double OfTree(int process)
    {
        var sum = 0.0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && Read(id) is { } fields)
            {
                sum += id == process ? Sum(fields, OwnTimes) + Sum(fields, EndedTimes) : int.Parse(fields[Parent], CultureInfo.InvariantCulture) == process ? Sum(fields, OwnTimes) : 0;
            }
        }
        return sum;
    }

    private static string[]? Read(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Split(") ")[1].Split(' ');
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }

    private static double Sum(string[] fields, int first) =>
        (double.Parse(fields[first], CultureInfo.InvariantCulture) + double.Parse(fields[first + 1], CultureInfo.InvariantCulture)) * MicrosecondsPerTick;
}
