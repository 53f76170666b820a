using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;

namespace Hookway.Dispatch.Refusals;

/// <summary>Keeps the last sends that each app refused.</summary>
public sealed class RefusedSends(RefusedSendStore store, TimeProvider clock, ILogger<RefusedSends> log) : RefusalNotes<RefusedSend>(clock, log)
{
    private readonly TimeProvider _clock = clock;

    /// <summary>Notes that an app refused a send.</summary>
    public void Note(App app, Problem problem, SendGlimpse? draft, string requestId) =>
        Note(app.No, problem.Code, RefusedSend.Of(problem, draft, requestId, _clock.GetUtcNow()));

    /// <summary>Erases what is kept of sends to a recipient; they stay counted.</summary>
    public async Task Forget(Recipient recipient)
    {
        await Flush();
        await store.EraseOf(recipient);
    }

    protected override Task Keep(
        IReadOnlyList<(long OwnerNo, RefusedSend Item)> items, IReadOnlyDictionary<(long OwnerNo, string Code), long> counts, IReadOnlyCollection<long> trimmed) =>
        store.Add(items, counts, trimmed);
}
