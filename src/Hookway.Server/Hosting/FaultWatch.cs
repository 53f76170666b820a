namespace Hookway.Hosting;

/// <summary>Ends the process after a fault that leaves it untrustworthy: whatever supervises it starts it again, and the store is the truth.</summary>
public sealed class FaultWatch(IHostApplicationLifetime lifetime, ILogger<FaultWatch> log)
{
    /// <summary>What ended it; null when nothing did.</summary>
    public Exception? Fault { get; private set; }

    public void Report(Exception fault)
    {
        Fault = fault;
        log.LogCritical(fault, "A fault that the server cannot go on from; nothing is accepted any more, and it stops");
        lifetime.StopApplication();
    }
}
