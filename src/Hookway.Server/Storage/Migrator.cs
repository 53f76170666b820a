using System.Reflection;
using DbUp;
using DbUp.Builder;
using DbUp.Engine.Output;

namespace Hookway.Storage;

/// <summary>Applies the numbered SQL files of <c>Storage/Migrations</c> that the store has not seen, each once and in order.</summary>
public static class Migrator
{
    /// <exception cref="InvalidOperationException">A file failed; its changes were rolled back, and the message names it.</exception>
    public static void UpgradeSqlite(string connectionString) => Upgrade(Sqlite(connectionString));

    /// <inheritdoc cref="UpgradeSqlite"/>
    public static void UpgradePostgres(string connectionString) => Upgrade(Postgres(connectionString));

    /// <summary>Whether the store has seen every file.</summary>
    public static bool IsCurrentSqlite(string connectionString) => !Sqlite(connectionString).Build().IsUpgradeRequired();

    /// <inheritdoc cref="IsCurrentSqlite"/>
    public static bool IsCurrentPostgres(string connectionString) => !Postgres(connectionString).Build().IsUpgradeRequired();

    private static UpgradeEngineBuilder Sqlite(string connectionString) => Configure(DeployChanges.To.SqliteDatabase(connectionString), "sqlite");

    private static UpgradeEngineBuilder Postgres(string connectionString) => Configure(DeployChanges.To.PostgresqlDatabase(connectionString), "postgres");

    private static UpgradeEngineBuilder Configure(UpgradeEngineBuilder target, string driver) => target
        .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly(), name => name.EndsWith($".{driver}.sql", StringComparison.Ordinal))
        .WithTransactionPerScript()
        .LogTo(new NoOpUpgradeLog());

    private static void Upgrade(UpgradeEngineBuilder target)
    {
        var result = target.Build().PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException($"The migration {result.ErrorScript?.Name} failed: {result.Error.Message}", result.Error);
        }
    }
}
