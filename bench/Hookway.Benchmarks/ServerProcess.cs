using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hookway.Benchmarks.Subjects;

namespace Hookway.Benchmarks;

/// <summary>A server under test, as a process of its own: Hookway with its default settings, or the bare endpoint.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private const int MostLooks = 40;
    private const int CalmLooks = 3;
    private const double CalmShare = 0.05;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(40);

    private readonly Process _process;
    private readonly List<string> _errors = [];

    private ServerProcess(int port, ProcessStartInfo start)
    {
        Port = port;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        AppDomain.CurrentDomain.ProcessExit += KillWithUs;
    }

    public int Port { get; }

    /// <summary>When the process was started, by the clock's own count.</summary>
    public long StartedAt { get; private set; }

    /// <summary>From the start of the process to its first good answer.</summary>
    public TimeSpan StartedIn { get; private set; }

    /// <summary>CPU time that it has used, user and system, in microseconds.</summary>
    public double CpuMicroseconds => ProcessCpu.Of(_process.Id);

    /// <summary>Resident memory now, in MB.</summary>
    public double MemoryMegabytes => Status("VmRSS:");

    /// <summary>The most resident memory it has had, in MB.</summary>
    public double PeakMegabytes => Status("VmHWM:");

    /// <summary>Starts Hookway on a data folder and waits until it is ready.</summary>
    /// <param name="settings">More settings, by the names of their environment variables.</param>
    public static Task<ServerProcess> StartHookway(string dataFolder, string key, IReadOnlyDictionary<string, string>? settings = null)
    {
        Directory.CreateDirectory(dataFolder);
        var port = FreePort();
        var start = new ProcessStartInfo("dotnet", [Repository.Server, $"--Hookway:DataFolder={dataFolder}", "--urls", $"http://127.0.0.1:{port}"])
        {
            WorkingDirectory = dataFolder,
        };
        start.Environment["Hookway__BootstrapApiKey"] = key;
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
        return Start(new ServerProcess(port, start), "/readyz");
    }

    /// <summary>Starts Hookway with a store that keeps nothing.</summary>
    public static Task<ServerProcess> StartNothing(string dataFolder, string key)
    {
        Directory.CreateDirectory(dataFolder);
        var port = FreePort();
        var start = new ProcessStartInfo("dotnet", [typeof(ServerProcess).Assembly.Location, "nothing", dataFolder, $"{port}"]);
        start.Environment["Hookway__BootstrapApiKey"] = key;
        return Start(new ServerProcess(port, start), "/readyz");
    }

    /// <summary>Starts a bare endpoint and waits until it answers.</summary>
    /// <param name="kind">bare or barest.</param>
    public static Task<ServerProcess> StartBare(string kind)
    {
        var port = FreePort();
        // A web application watches the folder that it starts in for changes of its settings, with all below: were others' data there, each of their writes would wake it.
        var folder = Path.Combine(Repository.Data, kind);
        Directory.CreateDirectory(folder);
        return Start(new ServerProcess(port, new ProcessStartInfo("dotnet", [typeof(ServerProcess).Assembly.Location, kind, $"{port}"]) { WorkingDirectory = folder }), "/");
    }

    /// <summary>Starts Redis with a configuration, on a folder of its own.</summary>
    public static Task<ServerProcess> StartRedis(string configuration, string folder)
    {
        var port = FreePort();
        return Start(new ServerProcess(port, new ProcessStartInfo("redis-server", [configuration, "--dir", folder, "--port", $"{port}"])), path: null);
    }

    /// <summary>Starts a program of the do-it-yourself stacks, API and workers in one.</summary>
    public static Task<ServerProcess> StartNode(StackFolder programs, string program, IReadOnlyDictionary<string, string> settings)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(programs.Node, [programs.File(program), "both"]);
        start.Environment["PORT"] = $"{port}";
        start.Environment["NODE_ENV"] = "production";
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }
        return Start(new ServerProcess(port, start), path: null);
    }

    /// <summary>Waits until it is at rest, ten seconds at most: for a while after a first load the runtime still compiles what that load made hot.</summary>
    public async Task Settle()
    {
        for (var (looks, calm, before) = (0, 0, CpuMicroseconds); looks < MostLooks && calm < CalmLooks; looks++)
        {
            await Task.Delay(BetweenLooks);
            var cpu = CpuMicroseconds;
            calm = cpu - before < BetweenLooks.TotalMicroseconds * CalmShare ? calm + 1 : 0;
            before = cpu;
        }
    }

    /// <summary>Ends it without a word, as a power cut does.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Lets it drain and end.</summary>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= KillWithUs;
        if (!_process.HasExited)
        {
            using var signal = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            using var patience = new CancellationTokenSource(StopPatience);
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }
        _process.Dispose();
    }

    /// <param name="path">What answers 200 when the server is ready; null when it is enough that it listens.</param>
    private static async Task<ServerProcess> Start(ServerProcess server, string? path)
    {
        var startedAt = server.StartedAt = Stopwatch.GetTimestamp();
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        var request = path is null ? null : System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        while (!await Answers(server.Port, request))
        {
            if (server._process.HasExited || Stopwatch.GetElapsedTime(startedAt) > StartPatience)
            {
                throw new InvalidOperationException($"The server did not start: {string.Join('\n', server._errors)}");
            }
            await Task.Delay(5);
        }
        server.StartedIn = Stopwatch.GetElapsedTime(startedAt);
        return server;
    }

    private static async Task<bool> Answers(int port, byte[]? request)
    {
        try
        {
            using var client = await LoadClient.Connect(port);
            return request is null || (await client.Send(request)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    // An interrupted benchmark leaves no server behind.
    private void KillWithUs(object? sender, EventArgs e) => _process.Kill();

    private double Status(string name)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return double.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1024;
    }

    private void Keep(string? line)
    {
        lock (_errors)
        {
            if (line is not null && _errors.Count < 20)
            {
                _errors.Add(line);
            }
        }
    }
}
