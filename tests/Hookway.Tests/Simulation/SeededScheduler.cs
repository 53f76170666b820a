namespace Hookway.Tests.Simulation;

/// <summary>
/// Runs all that happens in a simulated world on one thread: of what could go on now, the seed says what does; when nothing can, time jumps to the next timer. The same
/// seed gives the same run.
/// </summary>
internal sealed class SeededScheduler(int seed)
{
    private const int MostSteps = 3_000_000;

    private readonly List<(SimulatedProcess Process, Action Step)> _ready = [];
    private readonly PriorityQueue<SimulatedTimer, (long At, long Order)> _timers = new();
    private long _order;

    /// <summary>All the chance there is in the world.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>Since the world began.</summary>
    public TimeSpan Now { get; private set; }

    public int Steps { get; private set; }

    /// <summary>What every step so far did, as a number: two runs that differ anywhere differ here.</summary>
    public long Trace { get; private set; } = 17;

    public void Post(SimulatedProcess process, Action step) => _ready.Add((process, step));

    public SimulatedTimer At(TimeSpan at, SimulatedProcess process, Action step)
    {
        var timer = new SimulatedTimer(process, step);
        _timers.Enqueue(timer, ((at > Now ? at : Now).Ticks, _order++));
        return timer;
    }

    public SimulatedTimer After(TimeSpan wait, SimulatedProcess process, Action step) => At(Now + wait, process, step);

    /// <summary>Lets the world go on until a time, or until something holds.</summary>
    public void Run(TimeSpan until, Func<bool>? enough = null)
    {
        while (enough?.Invoke() != true)
        {
            if (_ready.Count > 0)
            {
                Step();
            }
            else if (_timers.TryPeek(out _, out var next) && next.At <= until.Ticks)
            {
                var timer = _timers.Dequeue();
                Now = TimeSpan.FromTicks(next.At);
                if (!timer.IsOff)
                {
                    Post(timer.Process, timer.Step);
                }
            }
            else
            {
                Now = until;
                return;
            }
        }
    }

    /// <summary>A span between none and this, from the seed.</summary>
    public TimeSpan Within(TimeSpan most) => TimeSpan.FromTicks((long)(most.Ticks * Random.NextDouble()));

    private void Step()
    {
        if (++Steps > MostSteps)
        {
            throw new InvalidOperationException($"After {MostSteps} steps the world is still busy at {Now}.");
        }
        var at = Random.Next(_ready.Count);
        var (process, step) = _ready[at];
        _ready[at] = _ready[^1];
        _ready.RemoveAt(_ready.Count - 1);
        Trace = (Trace * 31) + (at * 7) + process.Number + Now.Ticks;
        process.Run(step);
    }
}

/// <summary>Something that will happen at a time, unless it is put off.</summary>
internal sealed class SimulatedTimer(SimulatedProcess process, Action step)
{
    public SimulatedProcess Process => process;
    public Action Step => step;
    public bool IsOff { get; set; }
}

/// <summary>One process of the world: what it awaits goes on in its context, until it is killed, and then nothing of it does.</summary>
internal sealed class SimulatedProcess(SeededScheduler scheduler, int number) : SynchronizationContext
{
    public int Number => number;
    private readonly List<Action> _held = [];

    public bool IsDead { get; private set; }

    /// <summary>It stands still: what would go on in it waits.</summary>
    public bool IsFrozen { get; private set; }

    public void Kill() => IsDead = true;

    public void Freeze() => IsFrozen = true;

    public void Thaw()
    {
        IsFrozen = false;
        _held.ForEach(step => scheduler.Post(this, step));
        _held.Clear();
    }

    public void Run(Action step)
    {
        if (IsDead)
        {
            return;
        }
        if (IsFrozen)
        {
            _held.Add(step);
            return;
        }
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            step();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>A wait in the process's own time.</summary>
    public Task Pause(TimeSpan wait)
    {
        var over = new TaskCompletionSource();
        scheduler.After(wait, this, over.SetResult);
        return over.Task;
    }

    public override void Post(SendOrPostCallback d, object? state) => scheduler.Post(this, () => d(state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nothing in the world waits on a thread.");

    public override SynchronizationContext CreateCopy() => this;
}
