using System.Text.RegularExpressions;
using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>Who may import whom: the table in ARCHITECTURE.md, held against the sources of the server.</summary>
public partial class FolderImportsTests
{
    private const string Server = "src/Hookway.Server/";
    private const string Library = "Webhooks";
    private const string TableHeader = "| folder | may import |";

    /// <summary>The top folders of the server that hold code, each with its files.</summary>
    private static readonly ILookup<string, string> Folders = Repository.Files
        .Where(file => file.StartsWith(Server, StringComparison.Ordinal) && Path.GetExtension(file) is ".cs" or ".razor")
        .Where(file => file[Server.Length..].Contains('/', StringComparison.Ordinal))
        .ToLookup(file => file[Server.Length..].Split('/')[0]);

    [Fact]
    public void Every_folder_imports_only_what_the_table_allows()
    {
        var table = ReadTable();
        var findings = from folder in Folders
                       where table.ContainsKey(folder.Key)
                       from file in folder
                       from imported in ImportsOf(Repository.Read(file)).Distinct()
                       where imported != folder.Key && !table[folder.Key].Contains(imported)
                       select $"{file} imports {imported}";
        findings.ShouldBeEmpty();
    }

    [Fact]
    public void The_table_names_every_folder_and_no_other()
    {
        var table = ReadTable();
        table.Keys.ShouldBe(Folders.Select(folder => folder.Key), ignoreOrder: true);
        table.Values.SelectMany(allowed => allowed).Distinct().Except(Folders.Select(folder => folder.Key)).Except([Library]).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("using Hookway.Api.OpenApi;", "Api")]
    [InlineData("@using Hookway.Storage", "Storage")]
    [InlineData("global using static Hookway.Access.Scopes;", "Access")]
    [InlineData("    using Sender = Hookway.Deliveries.DeliverySender;", "Deliveries")]
    [InlineData("var key = Hookway.Access.ApiKey.Generate();", "Access")]
    [InlineData("global::Hookway.Hosting.Setting.All", "Hosting")]
    public void An_import_is_seen_in_every_form(string source, string imported) => ImportsOf(source).ShouldBe([imported]);

    [Theory]
    [InlineData("namespace Hookway.Storage;")]
    [InlineData("// Hookway.Server is built first.")]
    [InlineData("[assembly: InternalsVisibleTo(\"Hookway.Tests\")]")]
    [InlineData("\"src/Hookway.Server/Hosting/Setting.cs\"")]
    public void What_is_not_an_import_is_passed_over(string source) => ImportsOf(source).ShouldBeEmpty();

    private static IEnumerable<string> ImportsOf(string source) =>
        Import().Matches(source).Select(match => match.Groups[1].Value).Where(name => name == Library || Folders.Contains(name));

    private static Dictionary<string, IReadOnlyCollection<string>> ReadTable()
    {
        var everything = Folders.Select(folder => folder.Key).Append(Library).ToList();
        var lines = Repository.Read("ARCHITECTURE.md").Split('\n').Select(line => line.Trim()).ToList();
        lines.ShouldContain(TableHeader, "ARCHITECTURE.md has the table of imports");
        return lines.SkipWhile(line => line != TableHeader).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(row => Name(row[0]), IReadOnlyCollection<string> (row) => row[1] switch
            {
                "nothing" => [],
                "everything" => everything,
                var names => [.. names.Split(',', StringSplitOptions.TrimEntries).Select(Name)],
            });
    }

    private static string Name(string cell) =>
        cell is ['`', .. var name, '`'] ? name : throw new FormatException($"In the table of imports, {cell} is not a name in backticks.");

    // A file's own namespace line names where it is, not what it needs.
    [GeneratedRegex(@"(?<!namespace )\bHookway\.([A-Z]\w*)")]
    private static partial Regex Import();
}
