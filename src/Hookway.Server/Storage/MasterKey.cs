using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Hookway.Storage;

/// <summary>The 32 bytes under which secrets are sealed: given as base64 by the operator, or made at the first start and kept in the data folder, readable by its owner alone.</summary>
public static class MasterKey
{
    /// <summary>Bytes of a master key.</summary>
    public const int Length = 32;

    /// <summary>Reads a key from its base64 form; false when it is not base64 of 32 bytes.</summary>
    public static bool TryParse(string text, out byte[] key)
    {
        key = new byte[Length];
        return Convert.TryFromBase64String(text.Trim(), key, out var written) && written == Length;
    }

    /// <summary>The key of a data folder.</summary>
    /// <exception cref="InvalidDataException">There is none, or the file holds something else.</exception>
    public static byte[] Load(string dataFolder)
    {
        var file = FileIn(dataFolder);
        if (!File.Exists(file))
        {
            throw new InvalidDataException(
                $"{file} is missing: the secrets in the store were sealed under the key in it, and a new one could not open them. Put it back, or give the key as Hookway:MasterKey.");
        }
        return Read(file);
    }

    /// <summary>Makes the key of a data folder, synced to disk, when there is none. Only for a store in which nothing is sealed yet.</summary>
    public static void CreateWhenMissing(string dataFolder)
    {
        var file = FileIn(dataFolder);
        if (!File.Exists(file))
        {
            Create(file);
        }
    }

    /// <summary>The key that is to follow that of a data folder, made and synced to disk when there is none from a rotation that did not come to its end.</summary>
    public static byte[] PrepareNext(string dataFolder)
    {
        var file = NextIn(dataFolder);
        if (!File.Exists(file))
        {
            Create(file);
        }
        return Read(file);
    }

    /// <summary>The key that is to follow, while a rotation has not come to its end; null otherwise.</summary>
    public static byte[]? LoadNext(string dataFolder) => File.Exists(NextIn(dataFolder)) ? Read(NextIn(dataFolder)) : null;

    /// <summary>Makes the key that is to follow that of the data folder. For who has claimed the store, when it is sealed under that key already.</summary>
    public static void TakeNext(string dataFolder)
    {
        File.Move(NextIn(dataFolder), FileIn(dataFolder), overwrite: true);
        SyncFolder(dataFolder);
    }

    private static string FileIn(string dataFolder) => Path.Combine(dataFolder, "master.key");

    private static string NextIn(string dataFolder) => Path.Combine(dataFolder, "master.key.next");

    private static byte[] Read(string file) => TryParse(File.ReadAllText(file), out var key)
        ? key
        : throw new InvalidDataException($"{file} does not hold a master key (base64 of {Length} bytes).");

    private static void Create(string file)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        // Written whole under another name first: a crash leaves either no key or a good one, never half of one that has sealed secrets.
        var draft = file + ".new";
        using (var stream = new FileStream(draft, options))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(Length)) + "\n"));
            stream.Flush(flushToDisk: true);
        }
        File.Move(draft, file, overwrite: false);
        SyncFolder(Path.GetDirectoryName(file)!);
    }

    /// <summary>A file's name outlives a power cut when its folder is synced.</summary>
    private static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        using var handle = new SafeFileHandle(OpenForReading(folder, 0), ownsHandle: true);
        if (handle.IsInvalid)
        {
            throw new IOException($"{folder} cannot be opened: error {Marshal.GetLastPInvokeError()}.");
        }
        RandomAccess.FlushToDisk(handle);
    }

    // The framework opens no folders.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenForReading([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
