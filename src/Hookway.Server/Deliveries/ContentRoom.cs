namespace Hookway.Deliveries;

/// <summary>
/// The memory that the contents of attempts in flight may take. Small ones that are in memory anyway are bounded by the places and pass by; of large ones, and of those that
/// are yet to be read, who finds no room waits. Slow and failing targets have half of it, so that what is sent to them keeps no others waiting.
/// </summary>
internal sealed class ContentRoom(long most)
{
    /// <summary>What is smaller passes by.</summary>
    public const int Small = 64 * 1024;

    /// <summary>As large as a content may be: held for one that is not known yet, while it is read.</summary>
    public const int Largest = 17 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private readonly Queue<Waiting> _waitingLimited = new();
    private long _held;
    private long _heldByLimited;

    /// <summary>The bytes that are held.</summary>
    public long Held
    {
        get
        {
            lock (_gate)
            {
                return _held;
            }
        }
    }

    /// <summary>Waits for room; null when none is needed.</summary>
    /// <param name="bytes">Of a content that is in memory; null when it is yet to be read.</param>
    public ValueTask<Part?> Enter(int? bytes, bool isLimited, CancellationToken stop)
    {
        if (bytes <= Small)
        {
            return new ValueTask<Part?>((Part?)null);
        }
        var part = new Part(this, bytes ?? Largest, isLimited);
        Waiting waiting;
        lock (_gate)
        {
            var queue = isLimited ? _waitingLimited : _waiting;
            if (queue.Count == 0 && Fits(part))
            {
                Add(part, part.Bytes);
                return new ValueTask<Part?>(part);
            }
            waiting = new Waiting(part);
            queue.Enqueue(waiting);
        }
        return new ValueTask<Part?>(waiting.Wait(stop));
    }

    // One that is larger than all the room there is goes alone.
    private bool Fits(Part part) =>
        (_held == 0 || _held + part.Bytes <= most) && (!part.IsLimited || _heldByLimited == 0 || _heldByLimited + part.Bytes <= most / 2);

    private void Add(Part part, long bytes)
    {
        _held += bytes;
        _heldByLimited += part.IsLimited ? bytes : 0;
    }

    private void Release(Part part, long bytes)
    {
        lock (_gate)
        {
            Add(part, -bytes);
            LetIn(_waiting);
            LetIn(_waitingLimited);
        }
    }

    private void LetIn(Queue<Waiting> queue)
    {
        while (queue.TryPeek(out var next) && (next.IsGone || Fits(next.Part)))
        {
            queue.Dequeue();
            if (next.TryEnter())
            {
                Add(next.Part, next.Part.Bytes);
            }
        }
    }

    /// <summary>What one attempt holds, until it is disposed of.</summary>
    public sealed class Part(ContentRoom room, long bytes, bool isLimited) : IDisposable
    {
        internal long Bytes { get; private set; } = bytes;
        internal bool IsLimited => isLimited;

        /// <summary>The content is known now, and smaller than was thought.</summary>
        public void Holds(int known)
        {
            if (Bytes - known is > 0 and var rest)
            {
                Bytes = known;
                room.Release(this, rest);
            }
        }

        public void Dispose()
        {
            if (Bytes > 0)
            {
                var rest = Bytes;
                Bytes = 0;
                room.Release(this, rest);
            }
        }
    }

    private sealed class Waiting(Part part)
    {
        private readonly TaskCompletionSource<Part?> _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Part Part => part;
        public bool IsGone => _entered.Task.IsCompleted;

        public bool TryEnter() => _entered.TrySetResult(part);

        public async Task<Part?> Wait(CancellationToken stop)
        {
            using var stopped = stop.UnsafeRegister(_ => _entered.TrySetCanceled(stop), null);
            return await _entered.Task;
        }
    }
}
