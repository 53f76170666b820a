using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Ends issues that nothing else ends, once the ledger has been looked at for a while without another of their kind.</summary>
public sealed class QuietIssues(Database database, LedgerWatch ledger) : IWatcher
{
    private const int MostAtOnce = 100;

    public async Task<bool> Step(DateTimeOffset now) => await database.Read(connection => IssueStore.HasQuiet(connection, ledger.CaughtUpTo))
        && await database.Write(session => IssueStore.EndQuiet(session, ledger.CaughtUpTo, now, MostAtOnce)) == MostAtOnce;
}
