namespace Hookway.Ingest.Anomalies;

/// <summary>What is known of the events of one type of a source, from a sample of them now and then.</summary>
/// <param name="Since">When the first of them came.</param>
/// <param name="SeenAt">When the last came that was looked at.</param>
/// <param name="Samples">How many were looked at.</param>
/// <param name="IsInDoubt">A field has been missing lately.</param>
public sealed record TypeShape(long SourceNo, string Type, DateTimeOffset Since, DateTimeOffset SeenAt, long Samples, bool IsInDoubt)
{
    /// <summary>After so many samples something has always been there.</summary>
    private const int Always = 50;

    /// <summary>What was missing so often in a row has vanished.</summary>
    private const int Vanished = 5;

    private const int MostVersions = 5;

    /// <summary>What is younger has no history to differ from.</summary>
    public static readonly TimeSpan LongHistory = TimeSpan.FromDays(7);

    private static readonly TimeSpan WhileLearning = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WhenKnown = TimeSpan.FromMinutes(10);

    /// <summary>The fields, each with the sample from which on it has always been there and how often it was missing in a row since; below zero it has vanished.</summary>
    public IReadOnlyDictionary<string, FieldRun> Fields { get; init; } = new Dictionary<string, FieldRun>();

    /// <summary>The last versions of the vendor's API that events named.</summary>
    public IReadOnlyList<string> Versions { get; init; } = [];

    /// <summary>Whether another event should be looked at.</summary>
    public bool WantsMore(DateTimeOffset at) => at - SeenAt >= (Samples < Always || IsInDoubt ? WhileLearning : WhenKnown);

    /// <summary>What it is after another event, and what is different about that.</summary>
    public (TypeShape Now, ShapeChange Change) With(BodyShape? body, string? version, DateTimeOffset at)
    {
        var fields = new Dictionary<string, FieldRun>(Fields, StringComparer.Ordinal);
        var (vanished, back) = (new List<string>(), new List<string>());
        foreach (var (path, run) in Fields)
        {
            if (body is null || body.Paths.Contains(path))
            {
                if (run.Missing != 0 && body is not null)
                {
                    fields[path] = new FieldRun(Samples, 0);
                    back.AddRange(run.HasVanished ? [path] : []);
                }
            }
            else if (!run.HasVanished && body.Lacks(path))
            {
                var missing = run with { Missing = run.Missing + 1 };
                if (missing.Missing < Vanished)
                {
                    fields[path] = missing;
                }
                else if (Samples - run.From - missing.Missing >= Always && at - Since >= LongHistory)
                {
                    fields[path] = run with { Missing = FieldRun.Vanished };
                    vanished.Add(path);
                }
                else
                {
                    fields.Remove(path);
                }
            }
        }
        foreach (var path in body?.Paths ?? new HashSet<string>())
        {
            if (fields.Count < BodyShape.MostPaths)
            {
                fields.TryAdd(path, new FieldRun(Samples, 0));
            }
        }
        var isNewVersion = version is not null && !Versions.Contains(version);
        var now = this with
        {
            SeenAt = at, Samples = Samples + 1, IsInDoubt = fields.Values.Any(run => run.Missing > 0), Fields = fields,
            Versions = isNewVersion ? [.. Versions.TakeLast(MostVersions - 1), version!] : Versions,
        };
        // What stood in something that vanished went with it.
        return (now, new ShapeChange([.. vanished.Where(path => !vanished.Contains(BodyShape.Parent(path)))], back, isNewVersion && Versions.Count > 0 ? Versions[^1] : null));
    }
}

/// <summary>Since when a field has been there.</summary>
/// <param name="From">The sample from which on it was always there.</param>
/// <param name="Missing">How often it has been missing since, in a row.</param>
public readonly record struct FieldRun(long From, int Missing)
{
    public const int Vanished = -1;

    public bool HasVanished => Missing == Vanished;
}

/// <summary>What is different about an event.</summary>
/// <param name="Vanished">Fields that were always there and are not any more.</param>
/// <param name="Back">Fields that had vanished and are there again.</param>
/// <param name="FormerVersion">The version of the vendor's API before this one; null when it is known.</param>
public sealed record ShapeChange(IReadOnlyList<string> Vanished, IReadOnlyList<string> Back, string? FormerVersion);
