using System.Data.Common;
using Hookway.Storage;
using Microsoft.Data.Sqlite;

namespace Hookway.Tests.Simulation;

/// <summary>
/// The embedded store as one process of the world sees it: a real SQLite file, the real writer and sessions. What is simulated is how long things take and that
/// they fail; a process that is killed leaves its transaction undone.
/// </summary>
internal sealed class SimulatedStore(string file, World world, SimulatedProcess process) : Database, IDisposable
{
    private static readonly TimeSpan LongestRead = TimeSpan.FromMilliseconds(3);

    private readonly SqliteConnection _writer = Connect(file);
    private readonly SqliteConnection _reader = Connect(file);
    private GroupCommit? _commits;
    private Transaction? _transaction;
    private SimulatedSignals? _signals;

    /// <summary>While set, this process alone cannot reach the store.</summary>
    public bool IsCutOff { get; set; }

    private bool IsAway => IsCutOff || world.StoreIsAway;

    public override bool IsShared => world.HasSeveralNodes;

    public override NodeSignals? Signals => world.HasSeveralNodes ? SimulatedSignals : null;

    public SimulatedSignals SimulatedSignals => _signals ??= new SimulatedSignals(world, process);

    /// <summary>The store ends what this process has under way there, which stands still: others wait for it.</summary>
    public void LetGo() => _transaction?.LetGo();

    public SimulatedProcess Process => process;

    private World World => world;

    /// <summary>A new store with nothing in it, and with a journal of the changes that the state machine is to be held to.</summary>
    public static async Task Create(string folder)
    {
        await using (var database = new SqliteDatabase(folder))
        {
            database.Migrate();
            database.Open(_ => { });
            // A server's start has seen to it before it becomes a node, which asks for it.
            await new StoreSettings(database, TimeProvider.System).VerifyMasterKey(new SecretProtector(World.Key));
        }
        await using var connection = Connect(FileIn(folder));
        await using var command = connection.CreateCommand();
        command.CommandText =
            """
            CREATE TABLE simulation_changes (message_seq INTEGER, target_no INTEGER, old_status INTEGER, new_status INTEGER, old_run INTEGER, new_run INTEGER);
            CREATE TRIGGER simulation_change AFTER UPDATE ON deliveries WHEN old.status <> new.status OR old.run <> new.run
            BEGIN INSERT INTO simulation_changes VALUES (old.message_seq, old.target_no, old.status, new.status, old.run, new.run); END;
            -- An embedded store has no nodes: these are for worlds in which several share one, as they do PostgreSQL.
            CREATE TABLE nodes (no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, lease_until INTEGER NOT NULL);
            CREATE TABLE departed_nodes (no INTEGER PRIMARY KEY);
            CREATE TABLE target_owners (target_no INTEGER PRIMARY KEY, owner INTEGER, due_at INTEGER, claims INTEGER NOT NULL DEFAULT 0);
            PRAGMA wal_checkpoint(TRUNCATE);
            """;
        await command.ExecuteNonQueryAsync();
    }

    public static string FileIn(string folder) => Path.Combine(folder, "hookway.db");

    public override void Migrate()
    {
    }

    public override void RequireUpToDate()
    {
    }

    public override void Open(Action<Exception> fault) =>
        _commits = new GroupCommit(_transaction = new Transaction(this), fault, TaskScheduler.FromCurrentSynchronizationContext(), Begun);

    public override Task<long> Now(DbConnection connection) => Task.FromResult((long)world.Scheduler.Now.TotalMilliseconds);

    public override async Task<T> Read<T>(Func<DbConnection, Task<T>> work)
    {
        await process.Pause(world.Scheduler.Within(LongestRead));
        return await ReadNow(work);
    }

    /// <summary>What is done aside may write, and a store has one writer at a time.</summary>
    public override async Task<T> Aside<T>(Func<DbConnection, Task<T>> work)
    {
        do
        {
            await process.Pause(world.Scheduler.Within(LongestRead));
        }
        while (world.Writing is { Process.IsDead: false });
        return await ReadNow(work);
    }

    private async Task<T> ReadNow<T>(Func<DbConnection, Task<T>> work)
    {
        if (IsAway)
        {
            throw new StorageUnavailableException("The simulated store is away.");
        }
        var result = await work(_reader);
        await process.Pause(world.Scheduler.Within(LongestRead));
        return result;
    }

    public override Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) =>
        world.Mutation?.Write(world, lane, item) ?? _commits!.Add(world.Mutation?.Replace(lane) ?? lane, item);

    public override void BackUp(string to) => throw new NotSupportedException();

    public override ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>What the end of a process, however sudden, does to its connections.</summary>
    public void Dispose()
    {
        _transaction?.Dispose();
        _writer.Dispose();
        _reader.Dispose();
    }

    public static SqliteConnection Connect(string file)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        // Nobody cuts the power of the machine that simulates.
        command.CommandText = "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;";
        command.ExecuteNonQuery();
        return connection;
    }

    /// <summary>The writer's transactions, each step of which takes its time and may be the last of the process, or fail.</summary>
    private sealed class Transaction(SimulatedStore store) : IWriteTransaction, IDisposable
    {
        private const double Failures = 0.01;
        private static readonly TimeSpan LongestStep = TimeSpan.FromMilliseconds(4);

        private readonly SqliteSession _session = new(store._writer);
        private bool _wasLetGo;

        public async Task<WriteSession> Begin()
        {
            await Step();
            while (store.World.Writing is { Process.IsDead: false })
            {
                await store.Pause(LongestStep);
            }
            store.World.Writing = store;
            _wasLetGo = false;
            await Run("BEGIN IMMEDIATE");
            return _session;
        }

        public async Task Commit()
        {
            await Step();
            if (_wasLetGo)
            {
                throw new StorageUnavailableException("The simulated store ended a transaction that stood still.");
            }
            await Run("COMMIT");
            store.World.Writing = null;
            // A process may end when its commit is done and nobody has heard of it.
            await store.Pause(LongestStep);
        }

        public async Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt)
        {
            if (store.World.Writing == store)
            {
                await Run("ROLLBACK");
                store.World.Writing = null;
            }
            return why;
        }

        public void LetGo()
        {
            if (store.World.Writing == store)
            {
                using var command = store._writer.CreateCommand();
                command.CommandText = "ROLLBACK";
                command.ExecuteNonQuery();
                store.World.Writing = null;
                _wasLetGo = true;
            }
        }

        public void Dispose() => _session.Dispose();

        private async Task Step()
        {
            await store.Pause(LongestStep);
            if (store.IsAway || store.Chance(Failures))
            {
                throw new StorageUnavailableException("The simulated store did not commit.");
            }
        }

        private async Task Run(string sql)
        {
            using var command = store._writer.CreateCommand();
            command.CommandText = sql;
            await command.ExecuteNonQueryAsync();
        }
    }

    private bool Chance(double probability) => world.IsTroubled && world.Scheduler.Random.NextDouble() < probability;

    private Task Pause(TimeSpan most) => process.Pause(world.Scheduler.Within(most));
}
