using Dapper;
using Hookway.Ingest.Anomalies;
using Hookway.Issues;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>What was missed, and the numbers of what is long over, are forgotten after a while; what still waits is not.</summary>
public class ForgettingTests
{
    [Fact]
    public async Task What_was_missed_long_ago_and_numbers_not_seen_for_long_go_and_what_waits_stays()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock, replace: services => services.RemoveAll<IWatcher>());
        var database = server.Services.GetRequiredService<Database>();
        var now = clock.GetUtcNow();
        Expectation Waiting(string entity, int days) => new(1, "rule", entity, 1, "evt_1", "type", now, now.AddDays(days));
        await database.Write(async session =>
        {
            await ExpectationStore.Add(session, [Waiting("missed", 1), Waiting("missed later", 60), Waiting("waits", 1)]);
            (await ExpectationStore.Miss(session, [Waiting("missed", 1) with { Cause = "a" }, Waiting("missed later", 60) with { Cause = "b" }])).ShouldBeTrue();
            await SequenceStore.Save(session, [new SequenceMark(1, "rule", "old", 7, now), new SequenceMark(1, "rule", "young", 7, now.AddDays(60))]);
            return 0;
        });
        clock.Skip(TimeSpan.FromDays(92));
        var kind = server.Services.GetRequiredService<ExpectationWatch>();

        var removed = await kind.Remove(new RetentionCutoffs(clock.GetUtcNow(), new Dictionary<long, int>()), new PacedWriter(database, clock), TestContext.Current.CancellationToken);

        removed.ShouldBe(2);
        (await database.Read(async connection => (await connection.QueryAsync<string>("SELECT entity FROM expectations ORDER BY entity")).AsList())).ShouldBe(["missed later", "waits"]);
        (await database.Read(async connection => (await connection.QueryAsync<string>("SELECT scope FROM sequence_marks")).AsList())).ShouldBe(["young"]);
    }
}
