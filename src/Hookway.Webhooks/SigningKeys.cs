using System.Buffers.Binary;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Hookway.Webhooks;

/// <summary>
/// Signs with ed25519 seeds by way of a few live keys. A live key holds locked memory in pages of its own, of which a process gets a
/// few thousand; to make one costs as much as a signature. So those used last are kept, each for one user at a time.
/// </summary>
internal static class SigningKeys
{
    private const int Most = 128;

    private static readonly Kept?[] Slots = new Kept?[Most];

    public static void Sign(byte[] seed, ReadOnlySpan<byte> content, Span<byte> signature)
    {
        ref var slot = ref Slots[BinaryPrimitives.ReadUInt32LittleEndian(seed) % Most];
        var kept = Interlocked.Exchange(ref slot, null);
        if (kept is null || !CryptographicOperations.FixedTimeEquals(kept.Seed, seed))
        {
            kept?.Key.Dispose();
            kept = new Kept(seed, Import(seed));
        }

        try
        {
            SignatureAlgorithm.Ed25519.Sign(kept.Key, content, signature);
        }
        finally
        {
            // Another may have been put there meanwhile.
            Interlocked.Exchange(ref slot, kept)?.Key.Dispose();
        }
    }

    public static Key Import(ReadOnlySpan<byte> seed) =>
        Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey);

    private sealed record Kept(byte[] Seed, Key Key);
}
