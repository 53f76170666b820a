using System.Diagnostics;

namespace Hookway.Benchmarks.Subjects;

/// <summary>A do-it-yourself stack that runs: API and workers in one Node.js process, as the folder's README says, beside its Redis or on the benchmark's PostgreSQL.</summary>
public sealed class StackUnderTest : Subject
{
    private readonly ServerProcess _process;
    private readonly ServerProcess? _redis;
    private readonly PrivatePostgres? _postgres;
    private readonly string _folder;

    private StackUnderTest(HomeMade stack, string folder, ServerProcess process, ServerProcess? redis, PrivatePostgres? postgres, Ledger ledger)
        : base(stack.Name, new SendTarget(process.Port, "/m", "none", 1, IsStack: true), ledger) =>
        (_folder, _process, _redis, _postgres) = (folder, process, redis, postgres);

    public override double CpuMicroseconds => OwnCpuMicroseconds + (_redis?.CpuMicroseconds ?? _postgres?.CpuMicroseconds ?? 0);

    public override double OwnCpuMicroseconds => _process.CpuMicroseconds;

    public static async Task<StackUnderTest> Start(HomeMade stack, StackFolder programs, MessageLog log, Receiver receiver, PrivatePostgres? postgres)
    {
        var folder = Path.Combine(Repository.Data, Guid.CreateVersion7().ToString("N"));
        Directory.CreateDirectory(folder);
        var settings = new Dictionary<string, string>(stack.Settings) { ["TARGET"] = receiver.Url, ["SECRET"] = receiver.PlainSecret };
        ServerProcess? redis = null;
        if (stack.Queue is QueueIn.Redis)
        {
            redis = await ServerProcess.StartRedis(programs.File(stack.Configuration!), folder);
            settings["REDIS_PORT"] = $"{redis.Port}";
        }
        else
        {
            settings["DATABASE_URL"] = await postgres!.NewUrl();
            await programs.Run(stack.Program, settings, "init");
        }
        var process = await ServerProcess.StartNode(programs, stack.Program, settings);
        return new StackUnderTest(stack, folder, process, redis, stack.Queue is QueueIn.Postgres ? postgres : null, new Ledger(null, log, receiver));
    }

    public override Task Settle() => _process.Settle();

    public override async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>The programs of the stacks, copied beside the benchmark's data with the packages that they need, and a Node.js that is new enough for them.</summary>
public sealed class StackFolder
{
    private const string NodePackage = "node@22";

    private readonly string _folder;

    private StackFolder(string folder) => _folder = folder;

    public string Node => Path.Combine(_folder, "node_modules/node/bin/node");

    /// <summary>Copies and installs; null when the folder is not there.</summary>
    public static async Task<StackFolder?> Prepare(string from, Action<string> progress)
    {
        if (!System.IO.File.Exists(Path.Combine(from, "package.json")))
        {
            return null;
        }
        var stacks = new StackFolder(Repository.Stacks);
        Directory.CreateDirectory(stacks._folder);
        foreach (var file in Directory.EnumerateFiles(from).Where(file => Path.GetFileName(file) != "package.json" || !System.IO.File.Exists(stacks.Node)))
        {
            System.IO.File.Copy(file, stacks.File(Path.GetFileName(file)), overwrite: true);
        }
        if (!System.IO.File.Exists(stacks.Node))
        {
            progress("installing the packages of the do-it-yourself stacks");
            await stacks.Execute("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], []);
            await stacks.Execute("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", NodePackage], []);
        }
        return stacks;
    }

    public string File(string name) => Path.Combine(_folder, name);

    /// <summary>Runs a program to its end.</summary>
    public Task Run(string program, IReadOnlyDictionary<string, string> settings, params string[] words) => Execute(Node, [File(program), .. words], settings);

    private async Task Execute(string program, string[] words, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var start = new ProcessStartInfo(program, words) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', words)} ended with {process.ExitCode}: {errors}");
        }
    }
}
