using System.Collections.Concurrent;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>
/// The types that are stored of sources, as far as this process knows: what it knows costs an event nothing. Of a source that sends more of them than are kept it is noted that there
/// are others, so that a search looks for those too.
/// </summary>
public sealed class KnownTypes
{
    /// <summary>The most that are kept of a source: what is not checked could be made up.</summary>
    public const int MostOfSource = 1_000;

    /// <summary>What failed is made up more easily still, and leaves room for the rest.</summary>
    public const int MostWithFailed = MostOfSource / 2;

    private const int MostRemembered = 100_000;

    private readonly ConcurrentDictionary<(long SourceNo, string Type), bool> _known = new();
    private readonly List<(long SourceNo, string Type)> _added = [];

    /// <summary>On the writer: stores the types that are new.</summary>
    public async Task Add(WriteSession session, IReadOnlyList<NewEvent> events)
    {
        _added.Clear();
        var fresh = events
            .SelectMany(item => item.Facts.Types.Select(type => (item.WorkspaceNo, item.SourceNo, Type: type, Most: item.Verdict.Status is SignatureStatus.Failed ? MostWithFailed : MostOfSource)))
            .Where(item => !_known.ContainsKey((item.SourceNo, item.Type)) && (item.Most == MostOfSource || !_known.ContainsKey((item.SourceNo, EventStore.OtherTypes)))).ToList();
        foreach (var source in fresh.GroupBy(item => (item.WorkspaceNo, item.SourceNo)))
        {
            var count = await EventStore.CountTypes(session, source.Key.WorkspaceNo, source.Key.SourceNo);
            var taken = new SortedSet<string>(StringComparer.Ordinal);
            foreach (var item in source.OrderByDescending(item => item.Most))
            {
                if (!taken.Contains(item.Type))
                {
                    taken.Add(count + taken.Count < item.Most ? item.Type : EventStore.OtherTypes);
                }
            }
            await EventStore.AddTypes(session, [.. taken.Select(type => (source.Key.WorkspaceNo, type, source.Key.SourceNo))]);
            _added.AddRange(source.Select(item => item.Type).Concat(taken).Select(type => (source.Key.SourceNo, type)));
        }
    }

    /// <summary>On the writer, after the commit.</summary>
    public void Added()
    {
        if (_known.Count > MostRemembered)
        {
            _known.Clear();
        }
        foreach (var added in _added)
        {
            _known.TryAdd(added, true);
        }
        _added.Clear();
    }
}
