using System.Diagnostics;

namespace Hookway.Benchmarks;

/// <summary>
/// What happened to every message of one phase, by its number, on one clock: when it was due, answered and first received, and under which id. Made once and
/// begun anew for each phase, so that measuring allocates nothing.
/// </summary>
public sealed class MessageLog(int capacity)
{
    private readonly long[] _dueAt = new long[capacity];
    private readonly long[] _sentAt = new long[capacity];
    private readonly long[] _answeredAt = new long[capacity];
    private readonly long[] _receivedAt = new long[capacity];
    private readonly UInt128[] _answeredId = new UInt128[capacity];
    private readonly UInt128[] _receivedId = new UInt128[capacity];
    private readonly int[] _requests = new int[capacity];
    private readonly SemaphoreSlim?[] _waiting = new SemaphoreSlim?[capacity];
    private long _first;
    private int _taken;
    private int _delivered;
    private int _strays;
    private int _refused;
    private int _unanswered;

    public int Capacity => capacity;

    /// <summary>Messages that were given out to be sent.</summary>
    public int Taken => Math.Min(Volatile.Read(ref _taken), capacity);

    /// <summary>Messages that the receiver has seen at least once.</summary>
    public int Delivered => Volatile.Read(ref _delivered);

    /// <summary>Received requests that belong to no message of this phase.</summary>
    public int Strays => _strays;

    /// <summary>Sends that were answered with anything but 202.</summary>
    public int Refused => _refused;

    /// <summary>Sends whose connection broke before an answer came.</summary>
    public int Unanswered => _unanswered;

    /// <summary>Sends that were acknowledged with 202.</summary>
    public int Acknowledged => Enumerable.Range(0, Taken).Count(i => _answeredAt[i] > 0);

    /// <summary>Requests that the receiver got beyond the first of each message.</summary>
    public int Duplicates => Enumerable.Range(0, Taken).Sum(i => Math.Max(_requests[i] - 1, 0));

    /// <summary>Messages that were acknowledged under one id and received under another, or received without having been acknowledged. Answers without an id of Hookway's form are not compared.</summary>
    public int WrongIds => Enumerable.Range(0, Taken).Count(i => _requests[i] > 0 && (_answeredAt[i] == 0 || (_answeredId[i] != 0 && _answeredId[i] != _receivedId[i])));

    /// <summary>When the receiver got its first message of the phase, by the clock's own count.</summary>
    public long FirstReceipt => Enumerable.Range(0, Taken).Select(i => _receivedAt[i]).Where(at => at > 0).DefaultIfEmpty(long.MaxValue).Min();

    /// <summary>Forgets the phase before and numbers on.</summary>
    public void Begin()
    {
        var used = Taken;
        _first += used;
        foreach (var array in (Array[])[_dueAt, _sentAt, _answeredAt, _receivedAt, _answeredId, _receivedId, _requests, _waiting])
        {
            Array.Clear(array, 0, used);
        }
        (_taken, _delivered, _strays, _refused, _unanswered) = (0, 0, 0, 0, 0);
    }

    /// <summary>The next place; -1 when the log is full.</summary>
    public int Take() => Interlocked.Increment(ref _taken) is var taken && taken <= capacity ? taken - 1 : -1;

    /// <summary>The message's number, different from that of any message of any phase.</summary>
    public long NumberOf(int place) => _first + place;

    /// <param name="dueAt">When the schedule wanted it sent; now, where there is no schedule.</param>
    /// <param name="onDelivery">Released when the receiver first sees it.</param>
    public void Sending(int place, long dueAt, SemaphoreSlim? onDelivery = null)
    {
        _dueAt[place] = dueAt;
        _waiting[place] = onDelivery;
        _sentAt[place] = Stopwatch.GetTimestamp();
    }

    public void Answered(int place, Answer answer)
    {
        if (answer.Status is not (200 or 202))
        {
            Interlocked.Increment(ref _refused);
            return;
        }
        _answeredId[place] = MessageId.In(answer.Body.Span);
        _answeredAt[place] = Stopwatch.GetTimestamp();
    }

    public void Broke() => Interlocked.Increment(ref _unanswered);

    /// <summary>Notes a request at the receiver.</summary>
    /// <param name="at">When its first byte was there.</param>
    public void Received(long number, UInt128 id, long at)
    {
        var place = number - _first;
        if (place < 0 || place >= Taken)
        {
            Interlocked.Increment(ref _strays);
            return;
        }
        if (Interlocked.Increment(ref _requests[place]) == 1)
        {
            _receivedId[place] = id;
            _receivedAt[place] = at;
            Interlocked.Increment(ref _delivered);
            _waiting[place]?.Release();
        }
    }

    /// <summary>From when a message was due until it was accepted.</summary>
    public Latency Accepting() => Latency.Of(Between(_dueAt, _answeredAt));

    /// <summary>From when a message was due until its first byte was at the receiver.</summary>
    public Latency Delivering() => Latency.Of(Between(_dueAt, _receivedAt));

    /// <summary>The same, of the messages whose number is among those asked for.</summary>
    public Latency Delivering(Func<long, bool> among) => Latency.Of(Between(_dueAt, _receivedAt, among));

    /// <summary>From when a message was due until the generator had it sent: its own lateness, part of the other two.</summary>
    public Latency Sending() => Latency.Of(Between(_dueAt, _sentAt));

    private double[] Between(long[] from, long[] to, Func<long, bool>? among = null)
    {
        var times = new List<double>(Taken);
        for (var i = 0; i < Taken; i++)
        {
            if (to[i] > 0 && among?.Invoke(NumberOf(i)) is not false)
            {
                times.Add(Stopwatch.GetElapsedTime(from[i], to[i]).TotalMilliseconds);
            }
        }
        return [.. times];
    }
}

/// <summary>Percentiles of a phase, exact, in milliseconds.</summary>
public sealed record Latency(double P50, double P99, double Max)
{
    public static Latency Of(double[] times)
    {
        if (times.Length == 0)
        {
            return new Latency(0, 0, 0);
        }
        Array.Sort(times);
        return new Latency(times[times.Length / 2], times[(int)(times.Length * 0.99)], times[^1]);
    }
}

/// <summary>A message's id as the 128 bits that it stands for.</summary>
public static class MessageId
{
    private const int Characters = 26;

    /// <summary>The first id in a text; zero when there is none.</summary>
    public static UInt128 In(ReadOnlySpan<byte> text)
    {
        var at = text.IndexOf("msg_"u8) + 4;
        if (at < 4 || text.Length < at + Characters)
        {
            return 0;
        }
        UInt128 id = 0;
        foreach (var character in text.Slice(at, Characters))
        {
            id = (id << 5) | (uint)Math.Max("0123456789abcdefghjkmnpqrstvwxyz"u8.IndexOf(character), 0);
        }
        return id;
    }
}
