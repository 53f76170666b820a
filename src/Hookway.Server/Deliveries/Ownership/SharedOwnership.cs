using System.Collections.Concurrent;
using System.Globalization;
using Hookway.Storage;

namespace Hookway.Deliveries.Ownership;

/// <summary>
/// The targets of one of several nodes on a store. A row in the store names the owner of each target that has work, and a node takes what has none: with the work that it
/// accepts, in the same commit, or by looking once a second. Every transaction of a node holds on to its own row among the nodes, and nobody gives a node up but by removing that row:
/// a node that was given up can commit nothing, and what is committed is not given up. docs/decisions/0008-targets-are-owned-by-nodes.md has the whole argument.
/// </summary>
public sealed partial class SharedOwnership : ITargetOwnership, IWorkOwners, IDisposable
{
    private const string Work = "w";
    private const string Withdrawn = "r";
    private const string Configured = "c";
    private const string Free = "f";
    private const int TargetsInSignal = 300;

    private readonly Database _database;
    private readonly OwnerStore _owners;
    private readonly StoreSettings _store;
    private readonly SecretProtector _protector;
    private readonly EngineFault _fault;
    private readonly DeliverySchedule _schedule;
    private readonly Configuration _configuration;
    private readonly NodeOptions _options;
    private readonly TimeProvider _clock;
    private readonly OwnershipMetrics _metrics;
    private readonly ILogger<SharedOwnership> _log;
    private readonly ConcurrentDictionary<long, OwnedTarget> _owned = new();
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private NodeLease? _lease;
    private long? _steadySince;
    private volatile bool _hasOthers = true;
    private volatile bool _hasLeft;
    private readonly Wake _looking = new();
    private readonly Wake _renewing = new();
    private Task _loops = Task.CompletedTask;

    public SharedOwnership(
        Database database, OwnerStore owners, StoreSettings store, SecretProtector protector, DeliverySchedule schedule, Configuration configuration, NodeOptions options,
        TimeProvider clock, OwnershipMetrics metrics, EngineFault fault, ILogger<SharedOwnership> log)
    {
        _store = store;
        _protector = protector;
        _fault = fault;
        _database = database;
        _owners = owners;
        _schedule = schedule;
        _configuration = configuration;
        _options = options;
        _clock = clock;
        _metrics = metrics;
        _log = log;
        metrics.Watch(() => _owned.Count, () => Volatile.Read(ref _lease)?.Age);
    }

    public long Epoch => Volatile.Read(ref _lease)?.No ?? 0;

    /// <summary>How many targets this node has.</summary>
    public int Count => _owned.Count;

    public async Task Start()
    {
        _schedule.Share(_owned.ContainsKey, () => Volatile.Read(ref _lease)?.IsHeld is true);
        _database.Guard = Guard;
        if (_database.Signals is { } signals)
        {
            signals.Received += Received;
            signals.Start();
        }
        await Register();
        _loops = Task.WhenAll(Repeat(Look, _options.LookEvery, _looking), Repeat(Renew, _options.Lease / 3, _renewing));
    }

    public async Task Stop()
    {
        await StandStill();
        if (_database.Signals is { } signals)
        {
            signals.Received -= Received;
        }
        if (Volatile.Read(ref _lease) is not { } lease)
        {
            return;
        }
        try
        {
            await _database.Write(async session =>
            {
                await OwnerStore.Leave(session, lease.No);
                session.WhenCommitted(() =>
                {
                    // What is still accepted is for others.
                    _hasLeft = true;
                    Lose(lease);
                });
                return 0;
            });
            _database.Signals?.Send(Free);
        }
        catch (StorageUnavailableException e)
        {
            _log.LogWarning("The store is away: other nodes take over when the lease of node {Node} is over ({Reason})", lease.No, e.Message);
        }
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Does nothing more for its place among the nodes: what a test wants of a node that is dead to the others.</summary>
    internal async Task StandStill()
    {
        _stop.Cancel();
        await _loops;
    }

    /// <summary>Every transaction of this node begins here.</summary>
    private async Task Guard(WriteSession session)
    {
        session.Owners = this;
        if (_hasLeft)
        {
            return;
        }
        if (Volatile.Read(ref _lease) is not { } lease)
        {
            throw new StorageUnavailableException("This node had lost its lease, and takes a new one.");
        }
        await OwnerStore.AskWhetherHeld(session, lease.No, isHeld =>
        {
            if (!isHeld)
            {
                Lose(lease);
                throw new StorageUnavailableException("This node has lost its lease: it stood still, or was cut off, and others have taken over.");
            }
        });
    }

    public async Task Give(WriteSession session, IReadOnlyCollection<long> targets)
    {
        var now = _options.Clock.GetTimestamp();
        List<long>? unknown = null;
        foreach (var target in targets)
        {
            if (_owned.TryGetValue(target, out var owned) && !owned.IsLeaving)
            {
                owned.UsedAt = now;
            }
            else
            {
                (unknown ??= []).Add(target);
            }
        }
        if (unknown is null)
        {
            return;
        }
        var lease = Volatile.Read(ref _lease);
        var claims = await OwnerStore.Claim(session, lease?.No, unknown, _clock.GetUtcNow().ToUnixTimeMilliseconds(), alone: !_hasOthers);
        session.WhenCommitted(() =>
        {
            _metrics.Taken(claims.Fresh.Count + claims.Inherited.Count, withWork: true);
            _metrics.Told(claims.Others.Count);
            foreach (var target in claims.Fresh)
            {
                Own(lease, target, hasMore: false);
            }
            foreach (var target in claims.Inherited)
            {
                Own(lease, target, hasMore: true);
            }
            foreach (var owner in claims.Others.GroupBy(row => row.Owner, row => row.TargetNo))
            {
                Tell($"{Work} {owner.Key}", owner);
            }
        });
    }

    public void Withdraw(WriteSession session, IReadOnlyCollection<long> targets) => session.WhenCommitted(() => Tell(Withdrawn, targets.Where(target => !_owned.ContainsKey(target))));

    public async Task Reconfigure(WriteSession session, IEnumerable<string> subjects)
    {
        var targets = subjects.Select(subject => DeliveryTarget.TryParseSubject(subject, out var target) ? target : 0).Where(target => target != 0).ToList();
        if (targets.Count > 0)
        {
            // A target that is over or goes on is looked at now, and not when its next retry is due.
            await OwnerStore.MakeDue(session, targets, _clock.GetUtcNow().ToUnixTimeMilliseconds());
        }
        session.WhenCommitted(() => _database.Signals?.Send(Configured));
    }

    private void Tell(string what, IEnumerable<long> targets)
    {
        foreach (var some in targets.Distinct().Chunk(TargetsInSignal))
        {
            _database.Signals?.Send($"{what} {string.Join(' ', some)}");
        }
    }

    private void Received(string line)
    {
        var words = line.Split(' ');
        switch (words[0])
        {
            case Work when words.Length > 2 && words[1] == Epoch.ToString(CultureInfo.InvariantCulture):
                foreach (var target in Numbers(words.Skip(2)))
                {
                    _schedule.HasMore(target);
                }
                break;
            case Withdrawn:
                foreach (var target in Numbers(words.Skip(1)))
                {
                    _schedule.Refresh(target);
                }
                break;
            case Configured or Free or "":
                _looking.Up();
                break;
            default:
                break;
        }
    }

    private static IEnumerable<long> Numbers(IEnumerable<string> words) => words.Select(word => long.Parse(word, CultureInfo.InvariantCulture));

    /// <summary>On the writer, after a commit that gave this node a target, or showed that it has it.</summary>
    private void Own(NodeLease? lease, long target, bool hasMore)
    {
        lock (_gate)
        {
            // The node may have lost everything since the transaction began, and be another one by now.
            if (lease is null || _lease != lease)
            {
                return;
            }
            var isNew = !_owned.TryGetValue(target, out var owned);
            owned ??= new OwnedTarget();
            owned.UsedAt = _options.Clock.GetTimestamp();
            owned.IsLeaving = false;
            _owned[target] = owned;
            _schedule.Take(target, hasMore, othersHaveSent: isNew && hasMore);
        }
    }

    private void Lose(NodeLease lease)
    {
        lock (_gate)
        {
            if (_lease != lease)
            {
                return;
            }
            Volatile.Write(ref _lease, null);
            _owned.Clear();
            _schedule.Clear(epoch: 0);
        }
        if (!_hasLeft)
        {
            _metrics.Lost();
            _log.LogError("Node {Node} has lost its lease; it forgets what it had and takes a new one", lease.No);
            _looking.Up();
        }
    }

    private sealed class OwnedTarget
    {
        /// <summary>When it last got work, or was taken.</summary>
        public long UsedAt { get; set; }

        /// <summary>It is being let go: the store knows whether it is gone.</summary>
        public bool IsLeaving { get; set; }
    }
}
