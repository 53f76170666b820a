using System.Numerics;

namespace Hookway.Deliveries.Stats;

/// <summary>
/// How long attempts took, as counts in bins that are as wide as what they count is long: sixteen for each doubling, so that what is read from it is at most one part in
/// 32 off. Written down it takes two or three bytes for each bin that is in use.
/// </summary>
public sealed class LatencyHistogram
{
    /// <summary>The most by which a percentile may differ from the true one, as a part of it.</summary>
    public const double MostError = 1.0 / (1 << (BinBits + 1));

    private const int BinBits = 4;
    private const long LongestMicroseconds = uint.MaxValue;
    private static readonly int Bins = BinOf(LongestMicroseconds) + 1;

    private readonly long[] _counts = new long[Bins];

    public long Count { get; private set; }

    public void Add(TimeSpan latency) => AddTo(BinOf((long)latency.TotalMicroseconds), 1);

    /// <summary>Adds what another has written down.</summary>
    public void Add(ReadOnlySpan<byte> encoded)
    {
        for (var bin = -1; encoded.Length > 0;)
        {
            bin += (int)ReadNumber(ref encoded);
            AddTo(bin, (long)ReadNumber(ref encoded));
        }
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
    }

    /// <summary>The counts of the bins that are in use, each after its distance from the bin before.</summary>
    public byte[] Encode()
    {
        Span<byte> room = stackalloc byte[256];
        var written = new Encoder(room);
        for (int bin = 0, last = -1; bin < _counts.Length; bin++)
        {
            if (_counts[bin] > 0)
            {
                written.Write((ulong)(bin - last));
                written.Write((ulong)_counts[bin]);
                last = bin;
            }
        }
        return written.ToArray();
    }

    /// <summary>The latency that this part of all attempts did not exceed; null when there are none.</summary>
    /// <param name="part">Such as 0.95.</param>
    public TimeSpan? Percentile(double part)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(part * Count));
        for (var bin = 0; bin < _counts.Length && Count > 0; bin++)
        {
            wanted -= _counts[bin];
            if (wanted <= 0)
            {
                return TimeSpan.FromMicroseconds(MiddleOf(bin));
            }
        }
        return null;
    }

    private void AddTo(int bin, long count)
    {
        _counts[bin] += count;
        Count += count;
    }

    private static int BinOf(long microseconds)
    {
        var value = Math.Clamp(microseconds, 0, LongestMicroseconds);
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - BinBits);
        return (shift << BinBits) + (int)(value >> shift);
    }

    private static double MiddleOf(int bin)
    {
        var shift = Math.Max(0, (bin >> BinBits) - 1);
        var first = (long)(bin - (shift << BinBits)) << shift;
        return first + (((1L << shift) - 1) / 2.0);
    }

    private static ulong ReadNumber(ref ReadOnlySpan<byte> encoded)
    {
        var number = 0UL;
        for (var bits = 0; ; bits += 7)
        {
            var next = encoded[0];
            encoded = encoded[1..];
            number |= (ulong)(next & 0x7f) << bits;
            if (next < 0x80)
            {
                return number;
            }
        }
    }

    /// <summary>Writes numbers seven bits a byte into room on the stack, and beyond it when there are many.</summary>
    private ref struct Encoder(Span<byte> room)
    {
        private Span<byte> _room = room;
        private int _length;

        public void Write(ulong number)
        {
            for (; number >= 0x80; number >>= 7)
            {
                Write((byte)(number | 0x80));
            }
            Write((byte)number);
        }

        public readonly byte[] ToArray() => _room[.._length].ToArray();

        private void Write(byte value)
        {
            if (_length == _room.Length)
            {
                var larger = new byte[_room.Length * 2];
                _room.CopyTo(larger);
                _room = larger;
            }
            _room[_length++] = value;
        }
    }
}
