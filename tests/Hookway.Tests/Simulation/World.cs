using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Deliveries.Ownership;
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
    private static readonly TimeSpan LongestTakeOver = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestAbsence = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan IdleTransaction = TimeSpan.FromSeconds(5);

    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<(TimeSpan Since, TimeSpan Spread)> _spreads = [];
    private readonly SqliteConnection _journal;

    /// <param name="slowReceivers">How many receivers answer well and take seconds for it, beside those that the seed makes; a world with some has few places.</param>
    public World(int seed, string file, Mutation? mutation, int slowReceivers = 0)
    {
        Seed = seed;
        File = file;
        Mutation = mutation;
        SlowReceivers = slowReceivers;
        Options = Options with { MaxInFlight = slowReceivers > 0 ? (2 * slowReceivers) + 8 : Options.MaxInFlight };
        Scheduler = new SeededScheduler(seed);
        People = new SimulatedProcess(Scheduler, 0);
        Settings = ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Hookway:DataFolder"] = Path.GetDirectoryName(file),
            ["Hookway:MasterKey"] = Convert.ToBase64String(Key),
        }).Build());
        NodeCount = mutation?.NeedsSeveralNodes is true || Chance(0.35) ? Scheduler.Random.Next(2, 4) : 1;
        _journal = SimulatedStore.Connect(file);
        if (mutation?.ChangeOfStore is { } change)
        {
            using var command = _journal.CreateCommand();
            command.CommandText = change;
            command.ExecuteNonQuery();
        }
        Ledger = new Ledger(this, _journal);
    }

    /// <summary>The master key of every world.</summary>
    public static byte[] Key { get; } = new byte[MasterKey.Length];

    public int Seed { get; }
    public string File { get; }
    public Mutation? Mutation { get; }
    public int SlowReceivers { get; }
    public SeededScheduler Scheduler { get; }
    public ServerSettings Settings { get; }
    public Ledger Ledger { get; }

    /// <summary>Those who call the server and operate it; they never die.</summary>
    public SimulatedProcess People { get; }

    /// <summary>Little of everything, so that its bounds are met.</summary>
    public DeliveryOptions Options { get; private init; } = new() { MaxInFlight = 64, MaxInFlightPerTarget = 4, ReadyPerTarget = 8, ReadyInAll = 40, ReadyContentBytes = 2_000 };

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

    /// <summary>How nodes share a store: slowly, since every look costs the simulation, and in small steps.</summary>
    public static NodeOptions Sharing { get; } = new() { Lease = TimeSpan.FromSeconds(30), LookEvery = TimeSpan.FromSeconds(10), Step = 3 };

    /// <summary>How many nodes share the store, while all is well.</summary>
    public int NodeCount { get; }

    public bool HasSeveralNodes => NodeCount > 1;

    /// <summary>How many processes of the server have been started.</summary>
    public int Lives { get; private set; }

    public bool Chance(double probability) => Scheduler.Random.NextDouble() < probability;

    public SimulatedReceiver ReceiverOf(Uri url) => Receivers.Find(receiver => receiver.Url == url)!;

    public void AddReceiver(SimulatedEndpoint endpoint) => Receivers.Add(new SimulatedReceiver(this, Receivers.Count, endpoint));

    public void Fault(Exception fault) => Faults.Add(fault);

    /// <summary>Starts what is missing.</summary>
    public void StartNodes()
    {
        while (_nodes.Count < NodeCount)
        {
            var node = new SimulatedNode(this, ++Lives);
            node.Clock.Error = Skew();
            _nodes.Add(node);
            node.Start();
        }
        NoteClocks();
    }

    /// <summary>Whether the clocks of the nodes agreed then, as those of nodes must.</summary>
    public bool ClocksAgreed(TimeSpan at) => _spreads.FindLast(spread => spread.Since <= at).Spread <= TimeOrder.Assumed;

    private void NoteClocks() => _spreads.Add((Scheduler.Now, _nodes.Max(node => node.Clock.Error) - _nodes.Min(node => node.Clock.Error)));

    /// <summary>One that takes requests, or would if it did not stand still; null while there is none.</summary>
    private SimulatedNode? AnyServing()
    {
        var serving = _nodes.FindAll(node => node.IsServing);
        return serving.Count == 0 ? null : serving.Count == 1 ? serving[0] : serving[Scheduler.Random.Next(serving.Count)];
    }

    /// <summary>Makes a request of a node that takes any; false when there is none. The store may be away: whoever cares catches it.</summary>
    public bool Serve(Func<SimulatedNode, Task> request)
    {
        if (AnyServing() is not { } node)
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

    /// <summary>One of the processes ends at once, and another starts a little later.</summary>
    public void Crash()
    {
        if (_nodes.Count > 0)
        {
            Crash(_nodes[Scheduler.Random.Next(_nodes.Count)]);
        }
    }

    public void Crash(SimulatedNode node)
    {
        if (!_nodes.Remove(node))
        {
            return;
        }
        Trouble(HasSeveralNodes ? LongestTakeOver : TimeSpan.Zero);
        node.Dispose();
        Ledger.Lost(node.Process);
        Scheduler.After(Scheduler.Within(HasSeveralNodes ? LongestAbsence : TimeSpan.FromSeconds(5)), People, StartNodes);
    }

    /// <summary>One of the nodes is stopped as an operator does it, and another is started.</summary>
    public void Restart()
    {
        if (AnyServing() is not { } node)
        {
            return;
        }
        Trouble(TimeSpan.Zero);
        node.Stop(() => Scheduler.Post(People, () => Crash(node)));
    }

    /// <summary>One of several nodes stands still, with all that it holds, and goes on as if nothing had happened.</summary>
    public void Freeze(TimeSpan time)
    {
        if (AnyServing() is not { } node)
        {
            return;
        }
        Trouble(time + LongestTakeOver);
        node.Process.Freeze();
        // A store does not wait for ever for one that stands still in the midst of a transaction.
        Scheduler.After(IdleTransaction, People, () =>
        {
            if (node.Process is { IsFrozen: true, IsDead: false })
            {
                node.Store.LetGo();
            }
        });
        Scheduler.After(time, People, node.Process.Thaw);
    }

    /// <summary>One of several nodes cannot reach the store for a while.</summary>
    public void CutOff(TimeSpan time)
    {
        if (AnyServing() is not { } node)
        {
            return;
        }
        Trouble(time + LongestTakeOver);
        node.Store.IsCutOff = true;
        Scheduler.After(time, People, () => node.Store.IsCutOff = false);
    }

    /// <summary>A node tells the others something.</summary>
    public void Signal(string line) => _nodes.ForEach(node => node.Store.SimulatedSignals.Hear(line));

    private void Trouble(TimeSpan lasts)
    {
        Troubles.Add(Scheduler.Now);
        Troubles.Add(Scheduler.Now + lasts);
    }

    public void TakeStoreAway(TimeSpan time)
    {
        Trouble(HasSeveralNodes ? time + LongestTakeOver : time);
        StoreIsAway = true;
        Scheduler.After(time, People, () => StoreIsAway = false);
    }

    /// <summary>The clocks of several nodes are never quite the same.</summary>
    private TimeSpan Skew() => HasSeveralNodes ? Scheduler.Within(2 * LargestSkew) - LargestSkew : TimeSpan.Zero;

    public void SetClocks(TimeSpan error)
    {
        Troubles.Add(Scheduler.Now);
        _nodes.ForEach(node => node.Clock.Error = error + Skew());
        if (_nodes.Count > 0)
        {
            NoteClocks();
        }
    }

    public void Dispose()
    {
        _nodes.ForEach(node => node.Dispose());
        _journal.Dispose();
    }
}
