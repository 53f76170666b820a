using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>Files stay small enough to be read in one go.</summary>
public class FileSizesTests
{
    private const int MostLines = 400;
    private const int MostLinesOfTests = 600;

    private static readonly string[] Kinds = [".cs", ".razor", ".js", ".css"];
    private static readonly string TestFolder = Path.GetRelativePath(Repository.Root, Repository.Tests).Split(Path.DirectorySeparatorChar)[0] + "/";

    [Fact]
    public void No_file_is_longer_than_the_house_allows()
    {
        var checkedFiles = Repository.Files.Where(file => Kinds.Contains(Path.GetExtension(file))
            && !file.Contains("wwwroot/lib/", StringComparison.Ordinal) && !file.Contains("/Migrations/", StringComparison.Ordinal)).ToList();
        checkedFiles.Count.ShouldBeGreaterThan(100);
        checkedFiles.Select(file => (file, Lines: File.ReadLines(Path.Combine(Repository.Root, file)).Count()))
            .Where(size => size.Lines > (size.file.StartsWith(TestFolder, StringComparison.Ordinal) ? MostLinesOfTests : MostLines))
            .ShouldBeEmpty();
    }
}
