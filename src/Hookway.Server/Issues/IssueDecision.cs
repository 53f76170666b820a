using Hookway.Access;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>What people decide about issues: all that are named, or none when one of them is unknown.</summary>
public sealed class IssueDecision(Configuration configuration, TimeProvider clock)
{
    /// <summary>Gives issues another status, where they may have it; null when one is not of this workspace.</summary>
    public Task<List<Issue>?> Move(Caller caller, IReadOnlyCollection<string> issueIds, IssueStatus to) => configuration.Change(caller.Actor, async (session, touched) =>
    {
        await IssueStore.Lock(session);
        var now = clock.GetUtcNow();
        var wanted = issueIds.ToHashSet(StringComparer.Ordinal);
        var before = await IssueStore.FindAll(session, caller.WorkspaceNo, wanted);
        if (before.Count < wanted.Count)
        {
            return null;
        }
        foreach (var issue in before.Where(issue => Issue.MayBecome(issue.Status, to)))
        {
            await IssueStore.Move(session, issue, to, caller.Actor, now);
        }
        var after = await IssueStore.FindAll(session, caller.WorkspaceNo, wanted);
        foreach (var (old, moved) in before.Zip(after).Where(pair => pair.First.Status != pair.Second.Status))
        {
            touched.Record(caller.WorkspaceNo, now, $"issue.{Issue.Word(to)}", moved.IssueId, new IssueState(Issue.Word(old.Status)), new IssueState(Issue.Word(moved.Status)));
        }
        return after;
    });

    private sealed record IssueState(string Status);
}
