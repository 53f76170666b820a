namespace Hookway.Benchmarks;

/// <summary>Where things are in the repository that this program was built from.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Server { get; set; } = Path.Combine(Root, "src/Hookway.Server/bin/Release/net10.0/hookway.dll");

    /// <summary>Data folders of the servers under test: on the disk that holds the repository, not watched, not in git.</summary>
    public static string Data { get; } = Path.Combine(Root, "bench/data");

    /// <summary>The programs of the do-it-yourself stacks with their packages, kept from run to run, not in git.</summary>
    public static string Stacks { get; } = Path.Combine(Root, "bench/stacks");

    public static string Results { get; } = Path.Combine(Root, "bench/results");

    /// <summary>Removes what an interrupted run left, and makes the folder for data.</summary>
    public static void Prepare()
    {
        if (Directory.Exists(Data))
        {
            Directory.Delete(Data, recursive: true);
        }
        Directory.CreateDirectory(Data);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Hookway.slnx")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException("The benchmark runs from the repository that it measures; Hookway.slnx was not found above it.");
    }
}
