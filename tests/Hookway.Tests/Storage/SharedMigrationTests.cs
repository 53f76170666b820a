using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

/// <summary>Nodes that start at once on a database that is empty, or of an older version: one brings it up to date, the others wait for that.</summary>
public class SharedMigrationTests
{
    private const int Nodes = 4;

    [Fact]
    public async Task Nodes_that_start_at_once_bring_the_schema_up_to_date_once()
    {
        if (!PostgresDatabaseForTest.IsAsked)
        {
            // The embedded store has one server.
            return;
        }
        await using var store = await PostgresDatabaseForTest.CreateEmpty();
        await MigrateAtOnce(store);
        var scripts = await store.Scalar("SELECT count(*) FROM schemaversions");
        scripts.ShouldBePositive();
        (await store.Scalar("SELECT count(DISTINCT scriptname) FROM schemaversions")).ShouldBe(scripts);

        // The last one is still to come, as for nodes that are updated all at once.
        await store.Run("ALTER TABLE sources DROP COLUMN public_url; ALTER TABLE sources RENAME COLUMN plain_public_url TO public_url; DELETE FROM schemaversions WHERE scriptname LIKE '%.0020_%'");
        await MigrateAtOnce(store);
        (await store.Scalar("SELECT count(*) FROM schemaversions")).ShouldBe(scripts);
    }

    private static async Task MigrateAtOnce(PostgresDatabaseForTest store)
    {
        var nodes = Enumerable.Range(0, Nodes).Select(_ => new PostgresDatabase(store.ConnectionString)).ToList();
        using var start = new Barrier(Nodes);
        await Task.WhenAll(nodes.Select(node => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait(TestContext.Current.CancellationToken);
                node.Migrate();
                node.RequireUpToDate();
            }, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }
}
