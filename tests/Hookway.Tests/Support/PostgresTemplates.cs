using System.Collections.Concurrent;
using Hookway.Storage;
using Hookway.Tests.Support;
using Npgsql;

[assembly: AssemblyFixture(typeof(PostgresTemplates))]

namespace Hookway.Tests.Support;

/// <summary>
/// A store that was made once on each server, of which every test's own is a copy: to make one takes longer than most tests. From nothing it is made for a test with a server of its
/// own (<see cref="PostgresDatabaseForTest.CreateOn"/>).
/// </summary>
public sealed class PostgresTemplates : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Made = new();

    /// <summary>The name of the store to copy.</summary>
    public static Task<string> On(string server) => Made.GetOrAdd(server, _ => new(() => Make(server))).Value;

    /// <summary>A statement that no transaction may be around.</summary>
    public static async Task Run(string server, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (server, template) in Made)
        {
            await Run(server, $"DROP DATABASE {await template.Value}");
        }
    }

    private static async Task<string> Make(string server)
    {
        var name = "template_" + Guid.NewGuid().ToString("N");
        await Run(server, $"CREATE DATABASE {name}");
        // Whoever copies it must be alone with it.
        await using var database = new PostgresDatabase(new NpgsqlConnectionStringBuilder(server) { Database = name, Pooling = false }.ToString());
        database.Migrate();
        return name;
    }
}
