using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Hosting;
using Hookway.Storage;
using Microsoft.Data.Sqlite;

namespace Hookway.Tests.Simulation;

/// <summary>
/// A world that one seed makes: a store, a server that lives, dies and is started again, receivers that behave as they like, callers that send and change their minds. All
/// of it in simulated time, on one thread.
/// </summary>
internal sealed class World : IDisposable
{
    private readonly List<SimulatedNode> _nodes = [];
    private readonly SqliteConnection _journal;

    public World(int seed, string file, Mutation? mutation)
    {
        Seed = seed;
        File = file;
        Mutation = mutation;
        Scheduler = new SeededScheduler(seed);
        People = new SimulatedProcess(Scheduler, 0);
        Settings = ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Hookway:DataFolder"] = Path.GetDirectoryName(file),
            ["Hookway:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]),
        }).Build());
        _journal = SimulatedStore.Connect(file);
        Ledger = new Ledger(this, _journal);
    }

    public int Seed { get; }
    public string File { get; }
    public Mutation? Mutation { get; }
    public SeededScheduler Scheduler { get; }
    public ServerSettings Settings { get; }
    public Ledger Ledger { get; }

    /// <summary>Those who call the server and operate it; they never die.</summary>
    public SimulatedProcess People { get; }

    /// <summary>Little of everything, so that its bounds are met.</summary>
    public DeliveryOptions Options { get; } = new() { MaxInFlight = 64, MaxInFlightPerTarget = 4, ReadyPerTarget = 8, ReadyInAll = 40, ReadyContentBytes = 2_000 };

    public Workspace Workspace { get; set; } = null!;
    public List<SimulatedReceiver> Receivers { get; } = [];

    /// <summary>While set, no read or write of the store succeeds.</summary>
    public bool StoreIsAway { get; private set; }

    /// <summary>Whose transaction is open: a store has one writer at a time.</summary>
    public SimulatedStore? Writing { get; set; }

    /// <summary>While set, a commit may fail by itself.</summary>
    public bool IsTroubled { get; set; }

    /// <summary>When something went wrong with the server or the store, which excuses delays around it.</summary>
    public List<TimeSpan> Troubles { get; } = [];

    /// <summary>Faults that the server reported: none is ever right.</summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>A node that takes requests; null while there is none.</summary>
    public SimulatedNode? Serving => _nodes.Find(node => node.IsServing);

    /// <summary>How many processes of the server have been started.</summary>
    public int Lives { get; private set; }

    public bool Chance(double probability) => Scheduler.Random.NextDouble() < probability;

    public SimulatedReceiver ReceiverOf(Uri url) => Receivers.Find(receiver => receiver.Url == url)!;

    public void AddReceiver(SimulatedEndpoint endpoint) => Receivers.Add(new SimulatedReceiver(this, Receivers.Count, endpoint));

    public void Fault(Exception fault) => Faults.Add(fault);

    public void StartNode()
    {
        while (_nodes.Count < (Mutation?.NodesThatOwnEverything ?? 1))
        {
            var node = new SimulatedNode(this, ++Lives);
            _nodes.Add(node);
            node.Start();
        }
    }

    /// <summary>Makes a request of a node that takes any; false when there is none. The store may be away: whoever cares catches it.</summary>
    public bool Serve(Func<SimulatedNode, Task> request)
    {
        if (Serving is not { } node)
        {
            return false;
        }
        node.Do(async () =>
        {
            try
            {
                await request(node);
            }
            catch (StorageUnavailableException)
            {
                // A 503: nothing was changed.
            }
        });
        return true;
    }

    /// <summary>The process ends at once, and another starts a little later.</summary>
    public void Crash()
    {
        Troubles.Add(Scheduler.Now);
        _nodes.ForEach(node => node.Dispose());
        _nodes.Clear();
        Ledger.ProcessEnded();
        Scheduler.After(Scheduler.Within(TimeSpan.FromSeconds(5)), People, StartNode);
    }

    /// <summary>The server is stopped and started as an operator does it.</summary>
    public void Restart()
    {
        if (_nodes is not [{ IsServing: true } node])
        {
            return;
        }
        Troubles.Add(Scheduler.Now);
        node.Stop(() => Scheduler.Post(People, () =>
        {
            if (_nodes.Contains(node))
            {
                Crash();
            }
        }));
    }

    public void TakeStoreAway(TimeSpan time)
    {
        Troubles.Add(Scheduler.Now);
        Troubles.Add(Scheduler.Now + time);
        StoreIsAway = true;
        Scheduler.After(time, People, () => StoreIsAway = false);
    }

    public void SetClocks(TimeSpan error)
    {
        Troubles.Add(Scheduler.Now);
        _nodes.ForEach(node => node.Clock.Error = error);
    }

    public void Dispose()
    {
        _nodes.ForEach(node => node.Dispose());
        _journal.Dispose();
    }
}
