using System.Data.Common;

namespace Hookway.Ingest.Anomalies;

/// <summary>
/// The types of sources as far as this process has looked: so that of very many events few are read. Whoever else goes through the ledger meanwhile changes them; then all is read anew.
/// </summary>
internal sealed class KnownShapes
{
    /// <summary>Of a source; what is not checked could be made up.</summary>
    public const int MostTypes = 100;

    private const int MostSources = 2_000;

    private readonly Dictionary<long, Dictionary<string, TypeShape>> _known = [];
    private long _position = -1;

    /// <summary>Before a step: forgets what somebody else may have changed.</summary>
    public void Begin(long position)
    {
        if (position != _position || _known.Count > MostSources)
        {
            _known.Clear();
        }
        // Until this step is written, nothing is certain.
        _position = -1;
    }

    /// <summary>The types of a source.</summary>
    public async ValueTask<IReadOnlyDictionary<string, TypeShape>> Of(DbConnection connection, long sourceNo)
    {
        if (!_known.TryGetValue(sourceNo, out var types))
        {
            _known[sourceNo] = types = (await TypeShapeStore.Heads(connection, sourceNo)).ToDictionary(shape => shape.Type, StringComparer.Ordinal);
        }
        return types;
    }

    /// <summary>After a step was written.</summary>
    public void End(long position, IEnumerable<TypeShape> changed)
    {
        foreach (var shape in changed)
        {
            if (_known.TryGetValue(shape.SourceNo, out var types))
            {
                types[shape.Type] = shape with { Fields = new Dictionary<string, FieldRun>(), Versions = [] };
            }
        }
        _position = position;
    }
}
