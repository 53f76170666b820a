using System.Diagnostics;

namespace Hookway.Tests.Support;

/// <summary>
/// A disk in memory with little room, seen only by this and by what is started on it: a mount in a namespace of its own, which needs no rights beyond those that the kernel
/// gives to anybody (<c>unshare</c>; where it does not, <c>./test</c> leaves out the tests that need it and says so).
/// </summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hookway-disk-");
    private readonly Process _holder;

    private SmallDisk(int megabytes)
    {
        _holder = Process.Start(new ProcessStartInfo("unshare", ["--map-root-user", "--mount", "sh", "-c", $"mount -t tmpfs -o size={megabytes}m tmpfs {_folder.FullName} && echo mounted && exec sleep 600"])
        {
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>Where it is mounted, for those who run on it.</summary>
    public string Folder => _folder.FullName;

    /// <summary>The words that start a program on it.</summary>
    public string[] Run => ["nsenter", "--target", $"{_holder.Id}", "--user", "--preserve-credentials", "--mount"];

    public static async Task<SmallDisk> Mount(int megabytes)
    {
        var disk = new SmallDisk(megabytes);
        (await disk._holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("mounted");
        return disk;
    }

    /// <summary>The same place as seen from here.</summary>
    private string Outside(string name) => $"/proc/{_holder.Id}/root{_folder.FullName}/{name}";

    /// <summary>Takes up room.</summary>
    public Task Fill(string name, int megabytes) => File.WriteAllBytesAsync(Outside(name), new byte[megabytes << 20]);

    public void Free(string name) => File.Delete(Outside(name));

    public async ValueTask DisposeAsync()
    {
        _holder.Kill();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
        _folder.Delete(recursive: true);
    }
}
