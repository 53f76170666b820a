using Hookway.Deliveries;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Messages;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Deliveries.Stats;

public class TargetStatRecorderTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const long Target = 1_000_001;
    private static readonly DateTimeOffset Start = TargetStatsStart();

    private Database Database => fixture.Server.Services.GetRequiredService<Database>();
    private TargetStatStore Store => fixture.Server.Services.GetRequiredService<TargetStatStore>();

    [Fact]
    public async Task What_was_rolled_back_is_not_counted_and_what_is_tried_again_counts_once()
    {
        var recorder = new TargetStatRecorder(new Random(1));
        await Commit(recorder, Attempt(0, AttemptOutcome.Succeeded));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.Write<int>(async session =>
        {
            await Record(recorder, session, [Attempt(1, AttemptOutcome.HttpStatus), Attempt(2, AttemptOutcome.Succeeded)]);
            throw new InvalidOperationException("A neighbour's fault.");
        }));

        await Commit(recorder, Attempt(1, AttemptOutcome.HttpStatus));
        await Commit(recorder, Attempt(2, AttemptOutcome.Succeeded));

        var stats = await Store.Sum(Target, isPaused: false, Start);
        stats.Attempts.ShouldBe(new AttemptCounts(2, 1));
        (stats.Deliveries.Succeeded, stats.Deliveries.Failed).ShouldBe((2, 1));
        stats.SuccessRate.ShouldBe(0.6667);
    }

    [Fact]
    public async Task Every_process_counts_in_rows_of_its_own_and_forgets_slots_without_losing_them()
    {
        const long target = Target + 1;
        var recorders = Enumerable.Range(0, 3).Select(seed => new TargetStatRecorder(new Random(seed))).ToList();
        var random = new Random(5);
        for (var i = 0; i < 300; i++)
        {
            // Clocks differ, and an outcome may wait long for a store that is away.
            await Commit(recorders[random.Next(3)], Attempt(random.Next(0, 60), AttemptOutcome.Succeeded, target), Attempt(random.Next(0, 60), AttemptOutcome.Timeout, target));
        }

        var stats = await Store.Sum(target, isPaused: false, Start);
        stats.Attempts.ShouldBe(new AttemptCounts(300, 300));
        stats.Series.Sum(point => point.Succeeded).ShouldBe(300);
        stats.Series.Sum(point => point.Failed).ShouldBe(300);
        (await Store.Sum(target, isPaused: false, Start.AddMinutes(30))).Attempts.Succeeded.ShouldBeInRange(1, 299);
        stats.Latency!.P50.ShouldBe(10, 0.5);
        stats.Latency.P99.ShouldBe(15_000, 750);
    }

    [Fact]
    public async Task Trimming_takes_the_oldest_rows_alone()
    {
        const long target = Target + 2;
        var recorder = new TargetStatRecorder(new Random(9));
        await Database.Write(session => TargetStatStore.Trim(session, DateTimeOffset.UtcNow.AddDays(400), 100_000));
        foreach (var minute in new[] { 0, 10, 20, 30 })
        {
            await Commit(recorder, Attempt(minute, AttemptOutcome.Succeeded, target));
        }

        (await Database.Write(session => TargetStatStore.Trim(session, Start.AddMinutes(20), 1))).ShouldBe(1);
        (await Database.Write(session => TargetStatStore.Trim(session, Start.AddMinutes(20), 100))).ShouldBe(1);
        (await Store.Sum(target, isPaused: false, Start)).Attempts.Succeeded.ShouldBe(2);
    }

    private async Task Commit(TargetStatRecorder recorder, params AttemptRecord[] records)
    {
        await Database.Write(async session =>
        {
            recorder.Discard();
            await Record(recorder, session, records);
            return 0;
        });
        recorder.Committed();
    }

    private static Task Record(TargetStatRecorder recorder, WriteSession session, AttemptRecord[] records) => recorder.Record(
        session, records,
        records.ToDictionary(record => (record.Attempt.MessageSeq, record.Attempt.TargetNo), record => new DeliveryStanding(DeliveryStates.After(DeliveryStatus.Pending, record.Verdict.Change)!.Value, record.Run)));

    private AttemptRecord Attempt(int minute, AttemptOutcome outcome, long target = Target)
    {
        var latency = outcome is AttemptOutcome.Timeout ? TimeSpan.FromSeconds(15) : TimeSpan.FromMilliseconds(10);
        var attempt = new Attempt(
            0, "att_", Random.Shared.NextInt64(), target, 1, DeliveryTrigger.Automatic, outcome, null, "http://127.0.0.1/", [], outcome is AttemptOutcome.Timeout ? null : 200, [], [],
            Start.AddMinutes(minute), latency, null);
        var change = outcome is AttemptOutcome.Succeeded ? DeliveryChange.AttemptSucceeded : DeliveryChange.AttemptsExhausted;
        return new AttemptRecord(fixture.Server.Services.GetRequiredService<MessageDeliveries>(), attempt, 0, new AttemptVerdict(change, null, null), null, 0);
    }

    private static DateTimeOffset TargetStatsStart() =>
        DateTimeOffset.UnixEpoch + (TargetStatStore.Slot * TargetStatStore.SlotOf(DateTimeOffset.UtcNow.AddHours(-2)));
}
