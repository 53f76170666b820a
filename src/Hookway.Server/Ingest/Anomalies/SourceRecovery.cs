using System.Data.Common;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Ends issues about sources that were archived, or whose rule was switched off: whoever changes a source need not know of issues.</summary>
public sealed class SourceRecovery(Database database, Configuration configuration, SourceStore sources) : RecoveryRound<SourceIssue>(database, configuration)
{
    protected override Task<List<SourceIssue>> Open(DbConnection connection, long after, int most) => IssueStore.AboutSources(connection, after, most);

    protected override async ValueTask<string?> WhyOver(SourceIssue issue) => WhyOver(issue, await sources.Receiving(issue.SourceId));

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
