using Hookway.Api;
using Hookway.Ingest.Sources;

namespace Hookway.Ingest.Intake;

/// <summary>A request that a source refused without taking it into the ledger, as it is kept: why, without what it carried.</summary>
public sealed record RefusedRequest(long No, DateTimeOffset At, string Method, string? SourceIp, int Status, string Code, string Detail, string RequestId);

/// <summary>Keeps the last requests that each source refused.</summary>
public sealed class RefusedRequests(RefusedRequestStore store, EventMetrics metrics, TimeProvider clock, ILogger<RefusedRequests> log) : RefusalNotes<RefusedRequest>(clock, log)
{
    private const int MostMethodCharacters = 32;
    private readonly TimeProvider _clock = clock;

    /// <summary>Notes that a source refused a request.</summary>
    public void Note(Source source, Problem problem, string method, string? sourceIp, string requestId)
    {
        metrics.Refused(problem.Code);
        Note(source.No, problem.Code, new RefusedRequest(
            0, _clock.GetUtcNow(), method.Length > MostMethodCharacters ? method[..MostMethodCharacters] : method, sourceIp, problem.Status, problem.Code, problem.Detail, requestId));
    }

    protected override Task Keep(
        IReadOnlyList<(long OwnerNo, RefusedRequest Item)> items, IReadOnlyDictionary<(long OwnerNo, string Code), long> counts, IReadOnlyCollection<long> trimmed) =>
        store.Add(items, counts, trimmed);
}
