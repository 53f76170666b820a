using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hookway.Benchmarks;

/// <summary>Prints each part as it is done and writes all of them as Markdown and JSON to bench/results/.</summary>
public sealed class Report(BenchmarkOptions options)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly DateTimeOffset _startedAt = DateTimeOffset.UtcNow;
    private readonly StringBuilder _markdown = new();
    private readonly List<Section> _sections = [];
    private Machine? _machine;

    /// <summary>The middle one of some figures.</summary>
    public static double Median(IEnumerable<double> figures) => figures.Order().ToList() is { Count: > 0 } sorted ? sorted[sorted.Count / 2] : 0;

    /// <summary>Says on stderr what is measured now.</summary>
    public void Progress(string what) => Console.Error.WriteLine($"{DateTimeOffset.UtcNow - _startedAt:mm\\:ss}  {what}");

    public void Begin(Machine machine)
    {
        _machine = machine;
        Write($"""
            # Benchmark of {_startedAt:yyyy-MM-dd HH:mm} UTC, revision {machine.Revision}{(options.Quick ? " (quick: a smoke test, no figures to quote)" : options.Brief ? " (brief)" : "")}

            {machine.Processor}, {machine.Cores} cores, {machine.MemoryGigabytes:F0} GB · {machine.System} · {machine.Runtime} · data folder on {machine.Disk}, append and flush of 4 KiB {machine.SyncMilliseconds:F2} ms ·
            server, its database if it has one, bare endpoint and generator with receiver are processes on the same cores; everything has default and durable settings.

            """);
    }

    public void Add(Section section)
    {
        _sections.Add(section);
        Write($"## {section.Title}\n\n{section.Text}\n");
        WriteTable(section.Columns, section.Rows);
    }

    /// <summary>Ends the report; false when any books did not balance.</summary>
    public bool End()
    {
        var entries = _sections.SelectMany(section => section.Ledger).ToList();
        var wrong = entries.Where(entry => !entry.Balances).ToList();
        WriteGoals();
        WriteLedger(entries, wrong);
        Directory.CreateDirectory(Repository.Results);
        var name = string.Create(CultureInfo.InvariantCulture, $"{_startedAt:yyyy-MM-dd-HHmm}-{_machine!.Revision}{(options.Quick ? "-quick" : options.Brief ? "-brief" : "")}");
        var path = Path.Combine(Repository.Results, name);
        File.WriteAllText($"{path}.md", _markdown.ToString());
        File.WriteAllText($"{path}.json", JsonSerializer.Serialize(
            new { startedAt = _startedAt, isVoid = wrong.Count > 0, options, machine = _machine, sections = _sections }, Json) + "\n");
        Console.WriteLine($"Written: {path}.md and .json");
        return wrong.Count == 0;
    }

    private void WriteGoals()
    {
        Write("## Targets\n");
        WriteTable(
            ["target", "measured", "wanted", ""],
            [.. _sections.SelectMany(section => section.Goals).Select(goal => (IReadOnlyList<string>)[goal.Name, goal.Measured, goal.Wanted, goal.Met ? "met" : "MISSED"])]);
    }

    private void WriteLedger(List<LedgerEntry> entries, List<LedgerEntry> wrong)
    {
        Write("## Ledger\n\nSent (answered with 202) = succeeded + failed + pending in the store of the server = received, for every phase by itself.\n");
        WriteTable(
            ["", "sent", "stored", "succeeded", "failed", "pending", "received", "duplicates", "refused", "unanswered", "signatures verified"],
            [Row("phases that deliver", [.. entries.Where(entry => entry.Delivers && entry.HasStore)]), Row("phases that do not", [.. entries.Where(entry => !entry.Delivers && entry.HasStore)]),
                Row("phases without a store to read", [.. entries.Where(entry => !entry.HasStore)]),
                .. wrong.Select(entry => Row("VOID: " + entry.Phase, [entry]))]);
        Write(wrong.Count == 0 ? "The books balance.\n" : $"**VOID**: the books of {wrong.Count} phases do not balance; nothing above may be quoted.\n");
    }

    private static string[] Row(string name, IReadOnlyList<LedgerEntry> entries)
    {
        string Sum(Func<LedgerEntry, long> value) => $"{entries.Sum(value):N0}";
        return
        [
            name, Sum(entry => entry.Sent), Sum(entry => entry.Stored), Sum(entry => entry.Succeeded), Sum(entry => entry.Failed), Sum(entry => entry.Pending),
            Sum(entry => entry.Received), Sum(entry => entry.Duplicates), Sum(entry => entry.Refused), Sum(entry => entry.Unanswered),
            $"{Sum(entry => entry.SignaturesChecked - entry.SignaturesWrong)} of {Sum(entry => entry.SignaturesChecked)}",
        ];
    }

    private void WriteTable(IReadOnlyList<string> columns, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = columns.Select((column, i) => Math.Max(3, rows.Select(row => row[i].Length).Append(column.Length).Max())).ToList();
        string Line(IReadOnlyList<string> cells) =>
            "| " + string.Join(" | ", cells.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))) + " |";
        var rule = string.Join(" | ", widths.Select((width, i) => i == 0 ? new string('-', width) : new string('-', width - 1) + ":"));
        Write(string.Join('\n', [Line(columns), $"| {rule} |", .. rows.Select(Line)]) + "\n");
    }

    private void Write(string text)
    {
        Console.WriteLine(text);
        _markdown.Append(text).Append('\n');
    }
}

/// <summary>One part of the report.</summary>
/// <param name="Figures">Everything that the table summarises, for the JSON.</param>
public sealed record Section(
    string Title, string Text, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows, object Figures,
    IReadOnlyList<LedgerEntry> Ledger, IReadOnlyList<Goal> Goals);

/// <summary>A target of the specification and whether this run met it.</summary>
public sealed record Goal(string Name, string Measured, string Wanted, bool Met);
