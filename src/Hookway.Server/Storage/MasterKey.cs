using System.Security.Cryptography;

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
        return TryParse(File.ReadAllText(file), out var key)
            ? key
            : throw new InvalidDataException($"{file} does not hold a master key (base64 of {Length} bytes).");
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

    private static string FileIn(string dataFolder) => Path.Combine(dataFolder, "master.key");

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
    }
}
