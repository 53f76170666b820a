using System.Collections.Concurrent;
using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// PostgreSQL 15 and newer: any number of readers from a pool, one writer for each node. A lost connection fails what was under way with
/// <see cref="StorageUnavailableException"/>; work resumes by itself when the server is back.
/// </summary>
public sealed class PostgresDatabase : Database
{
    /// <summary>Held while the schema is brought up to date, so that nodes that start at once take turns.</summary>
    private const long MigrationLock = 0x686f6f6b776179;

    /// <summary>Held while a node does what only the first to start has to do.</summary>
    private const long StartLock = 0x686f6f6b77617a;

    private const int MostConnections = 24;

    /// <summary>Of these, what readers cannot take: the writer and who asks what became of its commit, LISTEN, NOTIFY, and the small statements beside them.</summary>
    private const int OwnConnections = 8;

    /// <summary>
    /// For the writer's connection, which holds locks: when this process stands still, or the way to it is cut, the server notices within seconds and lets go. Other nodes wait for
    /// that before they take over what this one has.
    /// </summary>
    internal const string LetGoSoon = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3; SET idle_in_transaction_session_timeout = '5s'";

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlDataSource _own;
    private readonly PostgresSignals _signals;
    private readonly ConcurrentDictionary<string, PostgresHorizon> _horizons = new(StringComparer.Ordinal);
    private GroupCommit? _writer;
    private PostgresTransaction? _transaction;

    public PostgresDatabase(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        settings.ApplicationName ??= "hookway";
        settings.MaxAutoPrepare = settings.MaxAutoPrepare == 0 ? 200 : settings.MaxAutoPrepare;
        settings.AutoPrepareMinUsages = 2;
        settings.Timeout = Math.Min(settings.Timeout, 5);
        // Npgsql's own 100 is more than PostgreSQL's default lets in.
        var most = connectionString.Contains("Pool Size", StringComparison.OrdinalIgnoreCase) || connectionString.Contains("PoolSize", StringComparison.OrdinalIgnoreCase)
            ? settings.MaxPoolSize : MostConnections;
        if (most <= OwnConnections)
        {
            throw new InvalidOperationException($"Hookway:Storage:ConnectionString: Maximum Pool Size must be more than {OwnConnections}, which the server needs beside its readers.");
        }
        settings.MinPoolSize = Math.Min(settings.MinPoolSize, most - OwnConnections);
        settings.MaxPoolSize = most - OwnConnections;
        // Nothing that runs on them leaves anything behind, and cleaning up after each read costs PostgreSQL as much as the read.
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(settings.ToString()) { NoResetOnClose = true });
        _own = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(settings.ToString()) { MinPoolSize = 0, MaxPoolSize = OwnConnections, NoResetOnClose = false });
        _signals = new PostgresSignals(_own);
        ConnectionString = settings.ToString();
    }

    private string ConnectionString { get; }

    public override bool IsShared => true;

    public override void Migrate()
    {
        try
        {
            using var connection = _own.OpenConnection();
            using var command = connection.CreateCommand();
            command.CommandText = $"SELECT pg_advisory_lock({MigrationLock})";
            command.ExecuteNonQuery();
            Migrator.UpgradePostgres(ConnectionString);
            command.CommandText = $"SELECT pg_advisory_unlock({MigrationLock})";
            command.ExecuteNonQuery();
        }
        catch (NpgsqlException e)
        {
            throw Unavailable(e) ?? (Exception)e;
        }
    }

    public override void RequireUpToDate()
    {
        try
        {
            if (!Migrator.IsCurrentPostgres(ConnectionString))
            {
                throw new InvalidOperationException("The database holds no Hookway store of this version: start this version's server on it once, or run migrate.");
            }
        }
        catch (NpgsqlException e)
        {
            throw Unavailable(e) ?? (Exception)e;
        }
    }

    public override void Open(Action<Exception> fault)
    {
        _transaction = new PostgresTransaction(_own);
        _writer = new GroupCommit(_transaction, fault, begun: Begun);
    }

    public override NodeSignals Signals => _signals;

    public override async Task<IAsyncDisposable> TakeTurn()
    {
        try
        {
            var connection = await _own.OpenConnectionAsync();
            await using var command = new NpgsqlCommand($"SELECT pg_advisory_lock({StartLock})", connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync();
            return new Turn(connection);
        }
        catch (NpgsqlException e)
        {
            throw Unavailable(e) ?? (Exception)e;
        }
    }

    public override async Task<long> Now(DbConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public override Task<SettledNumbers> Settled(string counter, DateTimeOffset now) => _horizons.GetOrAdd(counter, name => new PostgresHorizon(name)).Look(this, now);

    public override Task<T> Read<T>(Func<DbConnection, Task<T>> work) => Run(_source, work);

    public override Task<T> Aside<T>(Func<DbConnection, Task<T>> work) => Run(_own, work);

    public override Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) =>
        (_writer ?? throw new InvalidOperationException("The store is not open.")).Add(lane, item);

    public override void BackUp(string file) =>
        throw new InvalidOperationException("The store is PostgreSQL: copy it with pg_dump, which is made for that.");

    public override async ValueTask DisposeAsync()
    {
        await _signals.DisposeAsync();
        if (_writer is not null)
        {
            await _writer.DisposeAsync();
        }
        if (_transaction is not null)
        {
            await _transaction.DisposeAsync();
        }
        await _own.DisposeAsync();
        await _source.DisposeAsync();
    }

    /// <summary>Whether the server or the way to it is to blame rather than the statement (SQLSTATE classes 08, 53, 57P, 25006, 58).</summary>
    internal static StorageUnavailableException? Unavailable(Exception e) => e switch
    {
        PostgresException { SqlState: var state } when state.StartsWith("08", StringComparison.Ordinal) || state.StartsWith("53", StringComparison.Ordinal)
            || state.StartsWith("57P", StringComparison.Ordinal) || state.StartsWith("58", StringComparison.Ordinal) || state is "25006" =>
            new("PostgreSQL cannot work now: " + state, e),
        PostgresException => null,
        NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException => new("PostgreSQL cannot be reached.", e),
        _ => null,
    };

    /// <summary>
    /// Whether two transactions waited for each other, could not be put one after the other, or made the same key at the same time: whoever made it first was not seen yet.
    /// </summary>
    internal static bool IsConflict(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.UniqueViolation };

    private static async Task<T> Run<T>(NpgsqlDataSource source, Func<DbConnection, Task<T>> work)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync();
                return await work(connection);
            }
            catch (NpgsqlException e) when (Unavailable(e) is { } unavailable)
            {
                // A pooled connection that a restart of the server left behind fails once; a new one tells whether the server is back.
                if (attempt == 2)
                {
                    throw unavailable;
                }
            }
        }
    }

    private sealed class Turn(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try
            {
                await using var command = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection);
                await command.ExecuteNonQueryAsync();
            }
            catch (NpgsqlException)
            {
                // The lock goes with the connection.
            }
            await connection.DisposeAsync();
        }
    }
}
