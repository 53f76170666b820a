using System.Reflection;
using DbUp;
using DbUp.Engine.Output;

namespace Hookway.Storage;

/// <summary>Applies the numbered SQL files of <c>Storage/Migrations</c> that the store has not seen, each once and in order.</summary>
public static class Migrator
{
    /// <exception cref="InvalidOperationException">A file failed; its changes were rolled back, and the message names it.</exception>
    public static void UpgradeSqlite(string connectionString) => Upgrade(DeployChanges.To.SqliteDatabase(connectionString), "sqlite");

    /// <inheritdoc cref="UpgradeSqlite"/>
    public static void UpgradePostgres(string connectionString) => Upgrade(DeployChanges.To.PostgresqlDatabase(connectionString), "postgres");

    private static void Upgrade(DbUp.Builder.UpgradeEngineBuilder target, string driver)
    {
        var result = target
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly(), name => name.EndsWith($".{driver}.sql", StringComparison.Ordinal))
            .WithTransactionPerScript()
            .LogTo(new NoOpUpgradeLog())
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException($"The migration {result.ErrorScript?.Name} failed: {result.Error.Message}", result.Error);
        }
    }
}
