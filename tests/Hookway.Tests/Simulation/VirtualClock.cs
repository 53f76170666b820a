namespace Hookway.Tests.Simulation;

/// <summary>A process's clock in simulated time. What it shows can be set; timers and stopwatches do not care, as on a real machine.</summary>
internal sealed class VirtualClock(SeededScheduler scheduler, SimulatedProcess process) : TimeProvider
{
    public static readonly DateTimeOffset Epoch = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    /// <summary>By how much the clock is wrong.</summary>
    public TimeSpan Error { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Epoch + scheduler.Now + Error;

    public override long GetTimestamp() => scheduler.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualClock clock, Action step) : ITimer
    {
        private SimulatedTimer? _next;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_next is not null)
            {
                _next.IsOff = true;
                _next = null;
            }
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                Set(dueTime, period);
            }
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(TimeSpan wait, TimeSpan period) => _next = clock.After(wait, () =>
        {
            _next = null;
            if (period > TimeSpan.Zero)
            {
                Set(period, period);
            }
            step();
        });
    }

    private SimulatedTimer After(TimeSpan wait, Action step) => scheduler.After(wait, process, step);
}
