namespace Hookway.Benchmarks.Subjects;

/// <summary>What is measured: takes messages at a port of this machine and delivers them to the receiver.</summary>
public abstract class Subject(string name, SendTarget target, Ledger ledger) : IAsyncDisposable
{
    private const int WarmUpConnections = 64;

    /// <summary>What the tables call it.</summary>
    public string Name { get; } = name;

    public SendTarget Target { get; protected set; } = target;

    public Ledger Ledger { get; } = ledger;

    /// <summary>CPU time of its processes, those of its store too.</summary>
    public abstract double CpuMicroseconds { get; }

    /// <summary>CPU time of its own processes, without a database server's.</summary>
    public abstract double OwnCpuMicroseconds { get; }

    public abstract Task Settle();

    public abstract ValueTask DisposeAsync();

    /// <summary>Loads it in every way that is measured, twice, because the runtime compiles what is hot in two stages, and lets it settle each time.</summary>
    /// <param name="isAlone">Whether nothing else is pending in its store.</param>
    public async Task WarmUp(MessageLog log, TimeSpan length, bool isAlone = true)
    {
        foreach (var delivers in (bool[])[false, true, false, true])
        {
            Ledger.Begin();
            await LoadGenerator.Closed(Target, log, WarmUpConnections, length / 4, delivers || Target.IsStack);
            await Ledger.Drain(isAlone);
            await Settle();
        }
    }
}
