using System.Net;
using Npgsql;

namespace Hookway.Tests.Support;

/// <summary>
/// A database of its own on the PostgreSQL that the variable HOOKWAY_TEST_POSTGRES names (a connection string), dropped at the end. While the variable is
/// set, every <see cref="TestServer"/> runs on such a database: the same tests, on the other store.
/// </summary>
public sealed class PostgresDatabaseForTest : IAsyncDisposable
{
    public const string Variable = "HOOKWAY_TEST_POSTGRES";
    public const string MasterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    private readonly string _server;
    private readonly string _name = "test_" + Guid.NewGuid().ToString("N");

    private bool _goesWithServer;

    private PostgresDatabaseForTest(string server) => _server = server;

    /// <summary>Whether this run is on PostgreSQL.</summary>
    public static bool IsAsked => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };

    public string ConnectionString => new NpgsqlConnectionStringBuilder(_server) { Database = _name, MaxPoolSize = 20 }.ToString();

    /// <summary>What a server process is told of it, by the names of environment variables.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ServerSettings =>
        [new("Hookway__Storage__ConnectionString", ConnectionString), new("Hookway__MasterKey", MasterKey)];

    /// <summary>Where the server listens.</summary>
    public DnsEndPoint Address
    {
        get
        {
            var server = new NpgsqlConnectionStringBuilder(_server);
            return new DnsEndPoint(server.Host!, server.Port);
        }
    }

    /// <summary>The same for a process that reaches it through a port of this machine.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ServerSettingsThrough(int port) =>
    [
        new("Hookway__Storage__ConnectionString", new NpgsqlConnectionStringBuilder(ConnectionString) { Host = "127.0.0.1", Port = port }.ToString()),
        new("Hookway__MasterKey", MasterKey),
    ];

    /// <summary>Changes the database beside whoever works on it.</summary>
    public Task Run(string sql) => PostgresTemplates.Run(new NpgsqlConnectionStringBuilder(_server) { Database = _name }.ToString(), sql);

    /// <summary>Asks the database beside whoever works on it.</summary>
    public async Task<long> Scalar(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public static async Task<PostgresDatabaseForTest?> CreateWhenAsked() =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } server ? await Create(server, await PostgresTemplates.On(server)) : null;

    /// <summary>One without anything in it, on the PostgreSQL that is asked for.</summary>
    public static Task<PostgresDatabaseForTest> CreateEmpty() => Create(Environment.GetEnvironmentVariable(Variable)!, template: null);

    /// <summary>On a test's own server, with which it goes: that may be away at the end.</summary>
    public static async Task<PostgresDatabaseForTest> CreateOn(PostgresCluster cluster)
    {
        var database = await Create(cluster.ConnectionString, template: null);
        database._goesWithServer = true;
        return database;
    }

    private static async Task<PostgresDatabaseForTest> Create(string server, string? template)
    {
        var database = new PostgresDatabaseForTest(server);
        await database.OnServer($"CREATE DATABASE {database._name}{(template is null ? "" : $" TEMPLATE {template}")}");
        return database;
    }

    /// <summary>Ends every connection to the database.</summary>
    public Task CutConnections() => OnServer($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_name}'");

    public ValueTask DisposeAsync() => _goesWithServer ? ValueTask.CompletedTask : new(OnServer($"DROP DATABASE {_name} WITH (FORCE)"));

    private Task OnServer(string sql) => PostgresTemplates.Run(_server, sql);
}
