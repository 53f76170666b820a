using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Hookway.Benchmarks;

/// <summary>A PostgreSQL of our own with default settings, durable, on a free loopback port: begun on an empty folder and gone with it.</summary>
public sealed class PrivatePostgres : IAsyncDisposable
{
    private const string InstalledIn = "/usr/lib/postgresql";

    private readonly string _folder;
    private readonly int _port;

    private PrivatePostgres(string folder, int port) => (_folder, _port) = (folder, port);

    /// <summary>Whether there is one on this machine, installed as Debian does it.</summary>
    public static bool IsInstalled => Programs is not null;

    /// <summary>What a server needs to be told; the key is no secret, since the store is thrown away.</summary>
    public IReadOnlyDictionary<string, string> ServerSettings => new Dictionary<string, string>
    {
        [ConnectionSetting] = ConnectionString,
        ["Hookway__MasterKey"] = Convert.ToBase64String(new byte[32]),
    };

    /// <summary>The name of the setting that says where the store is.</summary>
    public const string ConnectionSetting = "Hookway__Storage__ConnectionString";

    /// <summary>CPU time of the server and of those who work for its connections, also of those who have ended.</summary>
    public double CpuMicroseconds => ProcessCpu.OfTree(int.Parse(File.ReadLines(Path.Combine(_folder, "postmaster.pid")).First(), CultureInfo.InvariantCulture));

    /// <summary>A new database, as the settings of a server.</summary>
    public async Task<IReadOnlyDictionary<string, string>> NewStore() =>
        new Dictionary<string, string>(ServerSettings) { [ConnectionSetting] = ConnectionString.Replace("Database=postgres", $"Database={await NewDatabase()}", StringComparison.Ordinal) };

    /// <summary>A new database, as a URL.</summary>
    public async Task<string> NewUrl() => $"postgres://postgres@127.0.0.1:{_port}/{await NewDatabase()}";

    private async Task<string> NewDatabase()
    {
        var name = "d" + Guid.CreateVersion7().ToString("N");
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return name;
    }

    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres";

    private static string? Programs => Directory.Exists(InstalledIn)
        ? Directory.EnumerateDirectories(InstalledIn).OrderBy(folder => int.TryParse(Path.GetFileName(folder), out var version) ? version : 0).Select(folder => Path.Combine(folder, "bin")).LastOrDefault()
        : null;

    /// <summary>Makes a cluster and starts it.</summary>
    public static async Task<PrivatePostgres> Start()
    {
        var postgres = new PrivatePostgres(Path.Combine(Repository.Data, "postgres-" + Guid.CreateVersion7().ToString("N")), FreePort());
        Directory.CreateDirectory(postgres._folder);
        // PostgreSQL refuses to run as root.
        if (Environment.IsPrivilegedProcess)
        {
            await Run("chown", "postgres", postgres._folder);
        }
        await RunProgram("initdb", $"--pgdata={postgres._folder}", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale");
        await RunProgram(
            "pg_ctl", "start", "--wait", "--silent", $"--pgdata={postgres._folder}", $"--log={Path.Combine(postgres._folder, "log")}",
            $"--options=-c listen_addresses=127.0.0.1 -c port={postgres._port} -c unix_socket_directories=");
        return postgres;
    }

    public async ValueTask DisposeAsync()
    {
        await RunProgram("pg_ctl", "stop", "--wait", "--silent", "--mode=fast", $"--pgdata={_folder}");
        Directory.Delete(_folder, recursive: true);
    }

    private static Task RunProgram(string program, params string[] words)
    {
        var path = Path.Combine(Programs ?? throw new InvalidOperationException("PostgreSQL is not installed."), program);
        return Environment.IsPrivilegedProcess ? Run("runuser", ["-u", "postgres", "--", path, .. words]) : Run(path, words);
    }

    private static async Task Run(string program, params string[] words)
    {
        // Its output is not redirected: a server that it starts would hold the pipe open for ever.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null", "sh", program, .. words]) { WorkingDirectory = "/" })!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', words)} ended with {process.ExitCode}.");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
