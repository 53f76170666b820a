using System.Text.RegularExpressions;
using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>Documents name files that are there, and their links lead somewhere.</summary>
public partial class DocumentsTests
{
    /// <summary>Where a path in a document may start, in the order in which they are tried.</summary>
    private static readonly string[] Starts = ["", "src/Hookway.Server/", "src/"];

    private static readonly HashSet<string> TopNames =
        [.. Starts.SelectMany(start => Directory.EnumerateFileSystemEntries(Path.Combine(Repository.Root, start))).Select(entry => Path.GetFileName(entry))];

    private static readonly string[] Endings = [".cs", ".md", ".json", ".sql", ".csproj", ".props", ".razor", ".js", ".css", ".mjs", ".sh"];

    public static TheoryData<string> Documents { get; } =
        [.. Repository.Files.Where(file => file.EndsWith(".md", StringComparison.Ordinal)
            && (!file.Contains('/', StringComparison.Ordinal) || file.StartsWith("docs/", StringComparison.Ordinal)))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_path_in_a_document_is_there(string document) =>
        CodeSpan().Matches(WithoutBlocks(document)).Select(match => match.Groups[1].Value).Where(LooksLikePath)
            .Where(path => !Starts.Any(start => Exists(start + path)))
            .ShouldBeEmpty($"{document} names what is not there");

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_to_a_file_leads_to_one(string document) =>
        Link().Matches(WithoutBlocks(document)).Select(match => match.Groups[1].Value)
            .Where(target => !target.Contains(':', StringComparison.Ordinal) && !target.StartsWith('#'))
            .Where(target => !Exists(Path.Combine(Path.GetDirectoryName(document)!, target.Split('#')[0])))
            .ShouldBeEmpty($"{document} links to what is not there");

    [Theory]
    [InlineData("src/Hookway.Server/Gone.cs", true)]
    [InlineData("Deliveries/DeliveryEngine.cs", true)]
    [InlineData("Deliveries/", true)]
    [InlineData("./soak", true)]
    [InlineData("Gone/Thing.cs", true)]
    [InlineData("Thing.cs", false)]
    [InlineData("application/json", false)]
    [InlineData("/readyz", false)]
    [InlineData("POST /api/v1/apps", false)]
    [InlineData("hookway.db", false)]
    [InlineData("docs/decisions/NNNN-*.md", false)]
    public void A_path_is_told_from_other_code(string text, bool isPath) => LooksLikePath(text).ShouldBe(isPath);

    /// <summary>It has a slash, and begins with a name that is at one of the starts or ends as files of ours do. A name alone may be an example.</summary>
    private static bool LooksLikePath(string text) =>
        PathText().IsMatch(text) && text.Contains('/', StringComparison.Ordinal)
        && (text.StartsWith("./", StringComparison.Ordinal) || TopNames.Contains(text.Split('/')[0])
            || Endings.Any(ending => text.EndsWith(ending, StringComparison.Ordinal)));

    private static bool Exists(string path)
    {
        // A file with a slash behind its name is a folder to the reader.
        var full = Path.Combine(Repository.Root, path);
        return Directory.Exists(full) || File.Exists(full);
    }

    private static string WithoutBlocks(string document) => Block().Replace(Repository.Read(document), "");

    [GeneratedRegex(@"^ *```.*?^ *```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^(\./)?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*/?$")]
    private static partial Regex PathText();
}
