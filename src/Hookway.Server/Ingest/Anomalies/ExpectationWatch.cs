using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Looks for expected events whose time is up. What waits costs nothing: one look at an index finds what is due, and by then every event that came has been looked at.</summary>
public sealed class ExpectationWatch(Database database, IssueStore issues, SourceStore sources, LedgerWatch ledger) : IWatcher, IRetained
{
    /// <summary>So many of a rule have an issue each; what else is missed shares one.</summary>
    public const int MostIssues = 100;

    private const int MostAtOnce = 200;

    /// <summary>Between the arrival of a request and its commit.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>For so long something that was missed may still come and end its issue.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(90);

    public async Task<bool> Step(DateTimeOffset now)
    {
        if (ledger.CaughtUpTo - DateTimeOffset.MinValue < Grace)
        {
            return false;
        }
        var (due, missed, seen) = await database.Read(async connection =>
        {
            var found = await ExpectationStore.Due(connection, ledger.CaughtUpTo - Grace, MostAtOnce);
            var views = new Dictionary<long, SourceView?>();
            var counts = new Dictionary<(long, string), int>();
            var (late, sightings) = (new List<Expectation>(found.Count), new List<Sighting>(found.Count));
            foreach (var expectation in found)
            {
                if (!views.TryGetValue(expectation.SourceNo, out var view))
                {
                    views[expectation.SourceNo] = view = await sources.Load(connection, expectation.SourceNo);
                }
                if (view is not { Source.ArchivedAt: null } || view.Preset.Rules.FirstOrDefault(rule => rule.Name == expectation.Rule) is not { } broken)
                {
                    continue;
                }
                var key = (expectation.SourceNo, expectation.Rule);
                if (!counts.TryGetValue(key, out var count))
                {
                    count = await ExpectationStore.CountMissed(connection, AnomalyCause.Of(IssueKind.MissingEvent, expectation.SourceNo, expectation.Rule) + ":", MostIssues);
                }
                counts[key] = count + 1;
                var sighting = Anomaly.Missing(view.Source, broken, expectation, isOneOfMany: broken.Kind is GapRuleKind.Expect && count >= MostIssues);
                late.Add(expectation with { Cause = sighting.Cause });
                sightings.Add(sighting);
            }
            return (found, late, sightings);
        });
        if (due.Count == 0)
        {
            return false;
        }
        await database.Write(async session =>
        {
            if (!await ExpectationStore.Miss(session, missed))
            {
                throw new OvertakenException();
            }
            // Of sources and rules that are gone nothing is expected.
            await ExpectationStore.Remove(session, [.. due.Select(expectation => expectation.Key).Except(missed.Select(expectation => expectation.Key))]);
            await issues.See(session, seen);
            return 0;
        });
        return due.Count == MostAtOnce;
    }

    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        for (var some = -1; some != 0; removed += some)
        {
            some = await writer.Write(
                async session => await ExpectationStore.RemoveMissed(session, cutoffs.Now - Remembered, PacedWriter.Rows) + await SequenceStore.RemoveOld(session, cutoffs.Now - Remembered, PacedWriter.Rows), stop);
        }
        return removed;
    }
}
