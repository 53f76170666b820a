using System.Collections.Concurrent;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>The types that are stored of sources, as far as this process knows: what it knows costs an event nothing.</summary>
public sealed class KnownTypes
{
    /// <summary>The most that are kept of a source: what is not checked could be made up.</summary>
    public const int MostOfSource = 1_000;

    private const int MostRemembered = 100_000;

    private readonly ConcurrentDictionary<(long SourceNo, string Type), bool> _known = new();
    private readonly List<(long SourceNo, string Type)> _added = [];

    /// <summary>On the writer: stores the types that are new.</summary>
    public async Task Add(WriteSession session, IReadOnlyList<NewEvent> events)
    {
        _added.Clear();
        var fresh = events.Where(item => item.Verdict.Status is not SignatureStatus.Failed)
            .SelectMany(item => item.Facts.Types.Select(type => (item.WorkspaceNo, Type: type, item.SourceNo)))
            .Where(item => !_known.ContainsKey((item.SourceNo, item.Type))).Distinct().ToList();
        foreach (var source in fresh.GroupBy(item => (item.WorkspaceNo, item.SourceNo)))
        {
            var room = MostOfSource - await EventStore.CountTypes(session, source.Key.WorkspaceNo, source.Key.SourceNo);
            var taken = source.Take((int)Math.Max(0, room)).OrderBy(item => item.Type, StringComparer.Ordinal).ToList();
            await EventStore.AddTypes(session, taken);
            _added.AddRange(source.Select(item => (item.SourceNo, item.Type)));
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
