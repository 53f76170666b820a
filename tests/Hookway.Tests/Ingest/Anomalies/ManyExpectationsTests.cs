using Dapper;
using Hookway.Ingest.Anomalies;
using Hookway.Storage;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;
using Hookway.Tests.Support.Statements;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>A hundred thousand events that are waited for: a look for what is due goes by the index, and touches what it finds.</summary>
public class ManyExpectationsTests
{
    private const int Waiting = 100_000;
    private const int Chunk = 5_000;

    [Fact]
    public async Task What_waits_is_not_looked_at_and_what_is_due_is_found()
    {
        await using var scene = await IssueScene.Start(RecordingDatabase.Wrap);
        await scene.Server.CreateSource("resend", secret: null);
        var database = (RecordingDatabase)scene.Server.Services.GetRequiredService<Database>();
        var sourceNo = await database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT no FROM sources"));
        var now = scene.Clock.GetUtcNow();
        for (var at = 0; at < Waiting; at += Chunk)
        {
            var chunk = Enumerable.Range(at, Chunk).Select(i => new Expectation(
                sourceNo, "mail-ended", $"mail_{i}", i + 1, $"evt_{i}", "email.sent", now, i < 3 ? now.AddMinutes(i + 1) : now.AddDays(3).AddSeconds(i))).ToList();
            await database.Write(async session =>
            {
                await ExpectationStore.Add(session, chunk);
                return 0;
            });
        }
        if (PostgresDatabaseForTest.IsAsked)
        {
            // What it does by itself after a while.
            await database.Write(session => session.Connection.ExecuteAsync("ANALYZE expectations"));
        }

        await scene.Pass(TimeSpan.FromMinutes(2.5));
        (await scene.Issues("?kind=missing_event")).Select(issue => issue.Text("entityKey")).ShouldBe(["mail_1", "mail_0"], ignoreOrder: true);
        await scene.Pass(TimeSpan.FromMinutes(2));
        (await scene.Issues("?kind=missing_event")).Length.ShouldBe(3);

        database.IsRecording = true;
        await scene.Pass(TimeSpan.FromMinutes(6));
        database.IsRecording = false;
        var statements = database.Take();
        statements.ShouldContain(statement => statement.Sql.Contains("FROM expectations", StringComparison.Ordinal));
        var plans = await database.Read(async connection =>
        {
            var found = new List<StatementPlan>();
            foreach (var statement in statements.Where(statement => !statement.Sql.Contains("delivery_signals", StringComparison.Ordinal)))
            {
                found.Add(await StatementPlan.Of(connection, statement));
            }
            return found;
        });
        plans.ShouldAllBe(plan => plan.Scans.Count == 0, string.Join("\n\n", plans.Where(plan => plan.Scans.Count > 0).Select(plan => plan.Text)));
        plans.Sum(plan => plan.Work).ShouldBeLessThan(5_000, "whatever waits");
    }
}
