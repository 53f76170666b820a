using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Hookway.Tests.Support;

/// <summary>A PostgreSQL of one test alone, on a free loopback port, which it may stop, start and freeze. As ./test does, it uses what Debian installs.</summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-cluster-").FullName;
    private readonly int _port = FreePort();

    private PostgresCluster()
    {
    }

    /// <summary>A connection string to its first database.</summary>
    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres";

    private string Data => Path.Combine(_folder, "data");

    public static async Task<PostgresCluster> Create()
    {
        var cluster = new PostgresCluster();
        // PostgreSQL refuses to run as root.
        if (Environment.IsPrivilegedProcess)
        {
            await Run("chown", "postgres", cluster._folder);
        }
        await RunProgram("initdb", $"--pgdata={cluster.Data}", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync");
        await cluster.Start();
        return cluster;
    }

    public Task Start() => RunProgram(
        "pg_ctl", "start", "--wait", "--silent", $"--pgdata={Data}", $"--log={Path.Combine(Data, "server.log")}",
        $"--options=-c listen_addresses=127.0.0.1 -c port={_port} -c unix_socket_directories=");

    /// <param name="mode">fast, as an operator stops it, or immediate, as if its machine had lost power.</param>
    public Task Stop(string mode) => RunProgram("pg_ctl", "stop", "--wait", "--silent", $"--mode={mode}", $"--pgdata={Data}");

    /// <summary>None of its processes does anything until <see cref="Thaw"/>; connections stay.</summary>
    public Task Freeze() => Signal("STOP");

    public Task Thaw() => Signal("CONT");

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(Path.Combine(Data, "postmaster.pid")))
        {
            await Thaw();
            await Stop("immediate");
        }
        Directory.Delete(_folder, recursive: true);
    }

    private Task Signal(string signal)
    {
        var main = File.ReadLines(Path.Combine(Data, "postmaster.pid")).First();
        var workers = Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out _) && Parent(folder) == main)
            .Select(folder => Path.GetFileName(folder)!).ToList();
        // A worker may have ended since it was listed; the first of them all is there.
        return Run("/bin/sh", "-c", $"kill -{signal} {main} && {{ kill -{signal} {string.Join(' ', workers)} 2>&1 || true; }}");
    }

    private static string? Parent(string process)
    {
        try
        {
            // Behind the name, which is in brackets and may hold anything, come the state and the parent.
            return File.ReadAllText(Path.Combine(process, "stat")).Split(')')[^1].Split(' ')[2];
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static Task RunProgram(string program, params string[] words)
    {
        var path = Path.Combine(Programs(), program);
        return Environment.IsPrivilegedProcess ? Run("runuser", ["-u", "postgres", "--", path, .. words]) : Run(path, words);
    }

    /// <summary>Those of the newest that is installed.</summary>
    private static string Programs() =>
        Directory.EnumerateDirectories("/usr/lib/postgresql").OrderBy(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)).Select(folder => Path.Combine(folder, "bin")).Last();

    private static async Task Run(string program, params string[] words)
    {
        // Its output is not redirected: a server that it starts would hold the pipe open for ever.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null", "sh", program, .. words]) { WorkingDirectory = "/" })!;
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', words)}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
