using System.Globalization;
using System.Text.Json.Serialization;

namespace Hookway.Benchmarks;

/// <summary>What a run measures and for how long.</summary>
public sealed record BenchmarkOptions
{
    private const string Usage = """
        bench/run [options]

          --quick               short phases and one round: a smoke test, no figures to quote
          --brief               every target in about a quarter of an hour: at 64 connections, with shorter phases, a smaller growth, no lists, and of the stacks the best alone
          --seconds N           length of one measured phase (default 5; 6 to 40 where a part needs longer)
          --targets N           endpoints that the deliveries are spread over (default 16)
          --connections N       for the accepts, only this many (default 1, 16, 64 and 256)
          --only PARTS          some of accept, ingest, loop, fair, pending, growth, nodes, idle, watch, retention and lists, with commas between
          --subjects NAMES      of what the loop and the retention compare, only those whose name contains one of these, with commas between
          --stacks FOLDER       the programs of the do-it-yourself stacks (default ../shared/bench beside the repository, of which they are no part; without them they are passed over)
          --rows N              deliveries in the store at the end of growth (default 1000000)
          --pending N           pending deliveries to dead targets (default 1000000)
          --old N               old messages that the retention removes (default 1000000)
          --messages N          messages in the store whose lists are asked for (default 1000000)
          --server FILE         another build's hookway.dll, to compare two (default: this repository's)
        """;

    /// <summary>The number of connections at which the targets are judged.</summary>
    public const int Judged = 64;

    private static readonly string[] Parts = ["accept", "ingest", "loop", "fair", "pending", "growth", "nodes", "idle", "watch", "retention", "lists"];

    /// <summary>The stacks that --brief keeps: of each kind the best.</summary>
    private static readonly string[] BriefStacks = ["BullMQ, everysec", "graphile-worker, micro-batched, no attempts kept"];

    public bool Quick { get; private init; }

    public bool Brief { get; private init; }

    /// <summary>The server's program. No path of a machine belongs into its results.</summary>
    [JsonIgnore]
    public string Server { get; private init; } = Repository.Server;

    public IReadOnlyList<string>? Only { get; private init; }

    /// <summary>Parts of the names of what the loop compares; all of them when null.</summary>
    public IReadOnlyList<string>? Subjects { get; private init; }

    [JsonIgnore]
    public string Stacks { get; private init; } = Path.Combine(Repository.Root, "../shared/bench");

    /// <summary>Deliveries in the store at the end of its growth, when given.</summary>
    public int? Rows { get; private init; }

    public int GrowthRows => Rows ?? Choose(100_000, 500_000, 1_000_000);

    /// <summary>Pending deliveries to dead targets, when given.</summary>
    public int? Pending { get; private init; }

    public int PendingRows => Pending ?? Choose(50_000, 1_000_000, 1_000_000);

    /// <summary>Length of one measured phase, when given.</summary>
    public int? Seconds { get; private init; }

    /// <summary>Recipients with one endpoint each, over which messages with a delivery are spread.</summary>
    public int Targets { get; private init; } = 16;

    /// <summary>How many messages the store of the lists has, when given.</summary>
    public int? Messages { get; private init; }

    public int ListMessages => Messages ?? Choose(50_000, 1_000_000, 1_000_000);

    /// <summary>Old messages that the retention has to remove, when given.</summary>
    public int? Old { get; private init; }

    public int RetentionRows => Old ?? (Quick ? 60_000 : 1_000_000);

    /// <summary>How long new messages are sent while the retention works.</summary>
    public TimeSpan LoadUnderRetention => TimeSpan.FromSeconds(Seconds ?? (Quick ? 3 : 6));

    public IReadOnlyList<int> Connections { get; private init; } = [1, 16, 64, 256];

    public int Rounds => Choose(1, 3, 3);

    /// <summary>More than of others: a disk that pauses for a moment doubles the 99th percentile of a phase.</summary>
    public int RetentionRounds => Choose(1, 3, 7);

    public TimeSpan WarmUp => TimeSpan.FromSeconds(Choose(2, 3, 6));

    public TimeSpan Phase => TimeSpan.FromSeconds(Seconds ?? Choose(1, 2, 5));

    public TimeSpan LightLoad => TimeSpan.FromSeconds(Seconds ?? Choose(3, 8, 20));

    public TimeSpan SearchStep => TimeSpan.FromSeconds(Seconds ?? Choose(1.5, 4, 8));

    public double SearchStepUp => Choose(1.5, 1.25, 1.25);

    public int SearchRefinements => Choose(0, 1, 2);

    /// <summary>How long the rate that the search found is held; zero when it is not.</summary>
    public TimeSpan Hold => TimeSpan.FromSeconds(Choose(0, 20, 60));

    /// <summary>Before rest is measured: a process that has just started, or had much to do, goes on compiling for a while.</summary>
    public TimeSpan UntilRest => TimeSpan.FromSeconds(Choose(1, 20, 20));

    public TimeSpan Idle => TimeSpan.FromSeconds(Choose(2, 5, 10));

    /// <summary>How long the fairness of targets is watched: longer than a target may hang.</summary>
    public TimeSpan Fair => TimeSpan.FromSeconds(Seconds ?? Choose(10, 20, 40));

    public bool Runs(string part) => Only?.Contains(part) ?? !(Brief && part is "lists");

    public bool Compares(string subject) => Subjects?.Any(part => subject.Contains(part, StringComparison.OrdinalIgnoreCase))
        ?? (!Brief || subject.StartsWith("Hookway", StringComparison.Ordinal) || BriefStacks.Contains(subject));

    private T Choose<T>(T quick, T brief, T full) => Quick ? quick : Brief ? brief : full;

    /// <summary>Reads a command line; without options, says why.</summary>
    public static (BenchmarkOptions? Options, string Complaint) Parse(IReadOnlyList<string> words)
    {
        var options = new BenchmarkOptions();
        for (var i = 0; i < words.Count; i++)
        {
            var value = i + 1 < words.Count ? words[i + 1] : "";
            switch (words[i])
            {
                case "--quick":
                    options = options with { Quick = true };
                    continue;
                case "--brief":
                    options = options with { Brief = true, Connections = [Judged] };
                    continue;
                case "--only" when value.Split(',').All(Parts.Contains):
                    options = options with { Only = value.Split(',') };
                    break;
                case "--subjects" when value.Length > 0:
                    options = options with { Subjects = value.Split(',') };
                    break;
                case "--stacks" when Directory.Exists(value):
                    options = options with { Stacks = Path.GetFullPath(value) };
                    break;
                case "--rows" when Number(value, 100_000_000) is { } rows:
                    options = options with { Rows = rows };
                    break;
                case "--pending" when Number(value, 100_000_000) is { } pending:
                    options = options with { Pending = pending };
                    break;
                case "--seconds" when Number(value, 120) is { } seconds:
                    options = options with { Seconds = seconds };
                    break;
                case "--connections" when Number(value, 1_000) is { } connections:
                    options = options with { Connections = [connections] };
                    break;
                case "--server" when File.Exists(value):
                    options = options with { Server = Path.GetFullPath(value) };
                    break;
                case "--targets" when Number(value, MessageTemplate.MostRecipients) is { } targets:
                    options = options with { Targets = targets };
                    break;
                case "--old" when Number(value, 100_000_000) is { } old:
                    options = options with { Old = old };
                    break;
                case "--messages" when Number(value, 100_000_000) is { } messages:
                    options = options with { Messages = messages };
                    break;
                default:
                    return (null, words[i] is "--help" ? Usage : $"{words[i]} is not understood.\n\n{Usage}");
            }
            i++;
        }
        return (options, "");
    }

    private static int? Number(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most ? number : null;
}
