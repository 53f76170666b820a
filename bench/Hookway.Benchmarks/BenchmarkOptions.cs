using System.Globalization;

namespace Hookway.Benchmarks;

/// <summary>What a run measures and for how long.</summary>
public sealed record BenchmarkOptions
{
    private const string Usage = """
        bench/run [options]

          --quick               short phases and one round: a smoke test, no figures to quote
          --seconds N           length of one measured phase (default 5; 8 for a step of the search)
          --targets N           endpoints that the deliveries are spread over (default 16)
          --only PART           accept, loop, idle or lists
          --messages N          messages in the store whose lists are asked for (default 1000000)
          --connections N       for the accepts, only this many (default 1, 16, 64 and 256)
          --server FILE         another build's hookway.dll, to compare two (default: this repository's)
        """;

    public bool Quick { get; private init; }

    /// <summary>The server's program.</summary>
    public string Server { get; private init; } = Repository.Server;

    public string? Only { get; private init; }

    /// <summary>Length of one measured phase, when given.</summary>
    public int? Seconds { get; private init; }

    /// <summary>Recipients with one endpoint each, over which messages with a delivery are spread.</summary>
    public int Targets { get; private init; } = 16;

    /// <summary>How many messages the store of the lists has, when given.</summary>
    public int? Messages { get; private init; }

    public int ListMessages => Messages ?? (Quick ? 50_000 : 1_000_000);

    public IReadOnlyList<int> Connections { get; private init; } = [1, 16, 64, 256];

    public int Rounds => Quick ? 1 : 3;

    public TimeSpan WarmUp => TimeSpan.FromSeconds(Quick ? 2 : 6);

    public TimeSpan Phase => TimeSpan.FromSeconds(Seconds ?? (Quick ? 1 : 5));

    public TimeSpan LightLoad => TimeSpan.FromSeconds(Seconds ?? (Quick ? 3 : 20));

    public TimeSpan SearchStep => TimeSpan.FromSeconds(Seconds ?? (Quick ? 1.5 : 8));

    public double SearchStepUp => Quick ? 1.5 : 1.25;

    public int SearchRefinements => Quick ? 0 : 2;

    /// <summary>How long the rate that the search found is held; zero when it is not.</summary>
    public TimeSpan Hold => TimeSpan.FromSeconds(Quick ? 0 : 60);

    public TimeSpan Idle => TimeSpan.FromSeconds(Quick ? 2 : 10);

    public bool Runs(string part) => Only is null || Only == part;

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
                case "--only" when value is "accept" or "loop" or "idle" or "lists":
                    options = options with { Only = value };
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
