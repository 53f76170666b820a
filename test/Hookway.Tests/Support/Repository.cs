namespace Hookway.Tests.Support;

/// <summary>
/// The work tree that these tests were built in. Found upwards from the program: the paths that the compiler records
/// (<c>CallerFilePath</c>) are rewritten in a CI build.
/// </summary>
public static class Repository
{
    private static readonly HashSet<string> NotOurs = [".git", "bin", "obj", "node_modules", "TestResults", "data", ".vs", ".vscode", ".idea"];

    public static string Root { get; } = FolderAbove(AppContext.BaseDirectory, "*.slnx");

    /// <summary>The folder of this test project.</summary>
    public static string Tests { get; } = FolderAbove(AppContext.BaseDirectory, "*.csproj");

    /// <summary>The files of the work tree but for what is built or downloaded, relative to its root, with <c>/</c>.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. FilesBelow(new DirectoryInfo(Root)).Order(StringComparer.Ordinal)];

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static IEnumerable<string> FilesBelow(DirectoryInfo folder) =>
        folder.EnumerateFiles().Where(file => !NotOurs.Contains(file.Name)).Select(file => Path.GetRelativePath(Root, file.FullName).Replace('\\', '/'))
            .Concat(folder.EnumerateDirectories().Where(below => !NotOurs.Contains(below.Name)).SelectMany(FilesBelow));

    private static string FolderAbove(string start, string file)
    {
        var folder = new DirectoryInfo(start);
        while (!folder.EnumerateFiles(file).Any())
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside of the work tree.");
        }

        return folder.FullName;
    }
}
