using System.Data.Common;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>
/// Ends issues whose cause is over. It goes round all the open ones of a kind, some at a time: what has become of a cause is in the store, so that nobody has to tell of it.
/// </summary>
/// <typeparam name="TIssue">What it reads of an issue.</typeparam>
public abstract class RecoveryRound<TIssue>(Database database, Configuration configuration) : IWatcher where TIssue : IOpenIssue
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
        var found = await database.Read(connection => Open(connection, _after, MostAtOnce));
        _after = found.Count == MostAtOnce ? found[^1].No : 0;
        if (found.Count == 0)
        {
            return false;
        }
        await configuration.CatchUp();
        var over = new List<(long No, string Why)>();
        foreach (var issue in found)
        {
            if (await WhyOver(issue) is { } why)
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

    /// <summary>The open issues behind one, in the order of their numbers.</summary>
    protected abstract Task<List<TIssue>> Open(DbConnection connection, long after, int most);

    /// <summary>Why an issue is over, as a sentence; null while it is not.</summary>
    protected abstract ValueTask<string?> WhyOver(TIssue issue);
}

/// <summary>An issue that is not resolved.</summary>
public interface IOpenIssue
{
    long No { get; }
}
