namespace Hookway.Storage;

/// <summary>The folder of the embedded store. One server at a time has it: a second one would deliver everything twice.</summary>
public sealed class DataFolder : IAsyncDisposable
{
    private readonly FileStream _lock;

    private DataFolder(FileStream held) => _lock = held;

    /// <summary>Makes the folder, readable by its owner alone, when it is not there.</summary>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Takes the folder for this process, until disposed or the process ends.</summary>
    /// <exception cref="InvalidOperationException">Another server has it.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static DataFolder Take(string path)
    {
        try
        {
            return new DataFolder(new FileStream(Path.Combine(path, "server.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            throw new InvalidOperationException($"The data folder {path} is in use by another Hookway server.", e);
        }
    }

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    // The runtime gives a sharing violation no type of its own: it carries Windows' code, or errno of flock (EWOULDBLOCK).
    private static bool IsHeldByAnother(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsLinux() ? 11 : 35);
}
