using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Ends issues that nothing else ends, once what they tell of has not been seen for a while.</summary>
public sealed class QuietIssues(Database database) : IWatcher
{
    private const int MostAtOnce = 100;

    public async Task<bool> Step(DateTimeOffset now) => await database.Read(connection => IssueStore.HasQuiet(connection, now))
        && await database.Write(session => IssueStore.EndQuiet(session, now, MostAtOnce)) == MostAtOnce;
}
