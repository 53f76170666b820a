using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace Hookway.Tests.Support;

/// <summary>The built server as a process of its own, on a free loopback port: one that can be killed.</summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    public const string ApiKey = "hwk_forTestsOnly0123456789abcdef";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly Process process;
    private readonly ConcurrentQueue<string> log = new();
    private readonly TaskCompletionSource<Uri> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it printed and logged so far.</summary>
    public IReadOnlyList<string> Log => [.. log];

    /// <summary>Log lines that tell of a bug or of broken infrastructure.</summary>
    public IReadOnlyList<string> Faults => [.. log.Where(line => FaultLine().IsMatch(line))];

    /// <summary>The most memory that it has had in use, in MiB.</summary>
    public int PeakMebibytes => int.Parse(
        File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        System.Globalization.CultureInfo.InvariantCulture) / 1_024;

    /// <summary>Starts the server that was built with these tests.</summary>
    /// <param name="dataFolder">Kept by the caller; another process may be started on it when this one has ended.</param>
    /// <param name="settings">More settings, by the names of their environment variables.</param>
    public static ServerProcess Start(string dataFolder, params IEnumerable<KeyValuePair<string, string>> settings) => Start([], dataFolder, settings);

    /// <summary>The same with its data on a small disk.</summary>
    public static ServerProcess StartOn(SmallDisk disk, params IEnumerable<KeyValuePair<string, string>> settings) => Start(disk.Run, disk.Folder, settings);

    private static ServerProcess Start(string[] through, string dataFolder, IEnumerable<KeyValuePair<string, string>> settings)
    {
        string[] words = [.. through, "dotnet", Path.Combine(AppContext.BaseDirectory, "hookway.dll"), "serve", "--urls", "http://127.0.0.1:0"];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            WorkingDirectory = dataFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var inherited in start.Environment.Keys.Where(name => name.StartsWith("Hookway__", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment["Hookway__DataFolder"] = dataFolder;
        start.Environment["Hookway__BootstrapApiKey"] = ApiKey;
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return new ServerProcess(Process.Start(start)!);
    }

    /// <summary>Waits until it accepts, and answers a client with its address and key.</summary>
    public async Task<HttpClient> Client()
    {
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(ready.Task, ended, Task.Delay(StartLimit)) != ready.Task)
        {
            throw new InvalidOperationException($"The server did not start:\n{string.Join('\n', log)}");
        }

        var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 64 }) { BaseAddress = await ready.Task };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKey);
        return client;
    }

    /// <summary>SIGKILL: it ends between two instructions.</summary>
    public async Task Kill()
    {
        process.Kill(entireProcessTree: false);
        await process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: asks it to end; answers its exit code, or null when it did not end in time.</summary>
    public async Task<int?> Terminate(TimeSpan limit)
    {
        await Signal("TERM");
        using var patience = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>SIGSTOP: it stands still, with all that it holds, until <see cref="Thaw"/>.</summary>
    public Task Freeze() => Signal("STOP");

    /// <summary>SIGCONT: it goes on as if nothing had happened.</summary>
    public Task Thaw() => Signal("CONT");

    private async Task Signal(string name)
    {
        using var signal = Process.Start("/bin/sh", ["-c", $"kill -{name} {process.Id}"]);
        await signal.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            await Kill();
        }

        process.Dispose();
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            return;
        }

        log.Enqueue(line);
        if (AddressLine().Match(line) is { Success: true } match)
        {
            ready.TrySetResult(new Uri(match.Groups[1].Value));
        }
    }

    [GeneratedRegex(@"API reference +(http://\S+)/docs")]
    private static partial Regex AddressLine();

    [GeneratedRegex(@"^\S+Z (fail|crit): |^Unhandled exception")]
    private static partial Regex FaultLine();
}
