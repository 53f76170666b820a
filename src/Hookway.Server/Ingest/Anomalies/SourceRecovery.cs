using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Ends issues about sources that were archived, or whose rule was switched off. It goes round all of them, some at a time, so that whoever changes a source need not know of issues.</summary>
public sealed class SourceRecovery(Database database, Configuration configuration, SourceStore sources) : IWatcher
{
    private const int MostAtOnce = 200;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private DateTimeOffset _next;
    private long _after;

    public async Task<bool> Step(DateTimeOffset now)
    {
        // A clock that was set back must not stop it.
        if (now < _next && _next - now <= Every)
        {
            return false;
        }
        _next = now + Every;
        var found = await database.Read(connection => IssueStore.AboutSources(connection, _after, MostAtOnce));
        _after = found.Count == MostAtOnce ? found[^1].No : 0;
        if (found.Count == 0)
        {
            return false;
        }
        await configuration.CatchUp();
        var over = new List<(long No, string Why)>();
        foreach (var issue in found)
        {
            if (WhyOver(issue, await sources.Receiving(issue.SourceId)) is { } why)
            {
                over.Add((issue.No, why));
            }
        }
        if (over.Count > 0)
        {
            await database.Write(async session =>
            {
                await IssueStore.End(session, over, now);
                return 0;
            });
        }
        return false;
    }

    private static string? WhyOver(SourceIssue issue, SourceView? view)
    {
        if (view is not { Source.ArchivedAt: null })
        {
            return "Its source was archived.";
        }
        if (issue.Status == (long)IssueStatus.Ignored)
        {
            return null;
        }
        var expected = view.Source.Settings.Expectations;
        var isOn = (IssueKind)issue.Kind switch
        {
            IssueKind.MissingEvent or IssueKind.SequenceGap or IssueKind.UnusualRate => AnomalyCause.RuleOf(issue.Cause) is var name
                && (name == CommonRule.Downtime.Name ? expected.Has(CommonRule.Downtime) : view.Preset.Rules.Any(rule => rule.Name == name)),
            IssueKind.LateEvent => expected.Has(AnomalyCause.IsMore(issue.Cause) ? CommonRule.Retries : CommonRule.Late),
            IssueKind.Silence => expected.Has(CommonRule.Silence),
            IssueKind.OutOfOrder => expected.Has(CommonRule.Order),
            IssueKind.SchemaChange => expected.Has(CommonRule.Schema),
            IssueKind.DuplicateEvent => expected.Has(CommonRule.Duplicates) || AnomalyCause.IsMore(issue.Cause),
            _ => true,
        };
        return isOn ? null : "Its rule was switched off.";
    }
}
