using Hookway.Tests.Hosting;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>One place for a server process of the scene, where one is started after another.</summary>
public sealed class SceneNode(CrashScene scene, CuttableWire? wire) : IAsyncDisposable
{
    private readonly List<string> faults = [];
    private ServerProcess? server;
    private HttpClient? client;
    private bool mayFail;
    private int troubles;

    /// <summary>Talks to the process that runs now.</summary>
    public HttpClient Client => client!;

    /// <summary>Its way to the database.</summary>
    public CuttableWire Wire => wire!;

    /// <summary>Rises when a trouble begins and when it is over.</summary>
    public int Troubles => Volatile.Read(ref troubles);

    /// <summary>Whether it is in trouble now, so that requests may go unanswered or be refused with 503.</summary>
    public bool IsDying => Troubles % 2 == 1;

    /// <summary>How often the process that runs now has lost its lease, by its metrics.</summary>
    public async Task<double> LeasesLost() => NodeMetrics.Read(await Client.GetStringAsync("/metrics"), "lease_losses_total") ?? 0;

    public void Dying()
    {
        if (!IsDying)
        {
            Interlocked.Increment(ref troubles);
        }
    }

    public void IsWell()
    {
        if (IsDying)
        {
            Interlocked.Increment(ref troubles);
        }
    }

    /// <summary>From now on the log of this process may tell of a lost lease or of the database's absence.</summary>
    public void MayFail() => mayFail = true;

    /// <summary>Starts the next process.</summary>
    public void Begin()
    {
        scene.Arrivals.BeginLife();
        mayFail = false;
        server = ServerProcess.Start(scene.Folder, scene.SettingsOf(wire));
    }

    /// <summary>Starts the next process and waits until it accepts.</summary>
    public async Task Start()
    {
        Begin();
        client = await server!.Client();
    }

    public async Task Kill()
    {
        await server!.Kill();
        client?.Dispose();
        CheckLog();
    }

    public async Task<int?> Terminate(TimeSpan limit)
    {
        var code = await server!.Terminate(limit);
        client?.Dispose();
        CheckLog();
        return code;
    }

    public Task Freeze() => server!.Freeze();

    public Task Thaw() => server!.Thaw();

    public async Task<bool> IsReady()
    {
        using var ready = await Client.GetAsync("/readyz");
        return ready.IsSuccessStatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        client?.Dispose();
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (wire?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private void CheckLog()
    {
        faults.AddRange(server!.Faults.Where(line =>
            !(mayFail || scene.DatabaseWasAway) || line.Contains("met a fault", StringComparison.Ordinal) || !line.Contains("fail:", StringComparison.Ordinal)));
        faults.ShouldBeEmpty();
    }
}
