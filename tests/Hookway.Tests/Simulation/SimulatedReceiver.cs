using Hookway.Deliveries;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Tests.Simulation;

/// <summary>How a receiver behaves for a while.</summary>
internal enum Manner
{
    Healthy,
    Slow,
    Fails,
    Flaky,
    Hangs,
    Refuses,
    Redirects,
    AsksToWait,
    ClosesEarly,
    Aborts,
    Gone,
}

/// <summary>One receiver of the world: takes requests, behaves well or badly as the seed says, and remembers every request that reached it.</summary>
internal sealed class SimulatedReceiver(World world, int number, SimulatedEndpoint endpoint)
{
    private static readonly TimeSpan SenderTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMilliseconds(40);

    public int Number => number;

    public SimulatedEndpoint Endpoint => endpoint;

    public Uri Url { get; } = new(endpoint.Settings.Url);

    public Manner Manner { get; set; }

    /// <summary>While it is slow.</summary>
    public TimeSpan TakesAtLeast { get; set; }

    /// <summary>Whether it was ever anything but healthy or slow.</summary>
    public bool WasBad { get; private set; }

    public bool WasSlow { get; private set; }

    /// <summary>Whether it ever asked to be left alone for good.</summary>
    public bool WasGone { get; private set; }

    public List<Arrival> Arrivals { get; } = [];

    /// <summary>Makes the attempt of a process: what came back, when its time has come.</summary>
    public Task<AttemptResult> Take(SimulatedProcess process, DeliveryRequest request, CancellationToken cancel)
    {
        var manner = Manner is Manner.Flaky ? (world.Chance(0.5) ? Manner.Healthy : Manner.Fails) : Manner;
        WasBad |= manner is not (Manner.Healthy or Manner.Slow);
        WasSlow |= manner is Manner.Slow;
        WasGone |= manner is Manner.Gone;
        var wait = manner switch
        {
            Manner.Hangs => SenderTimeout,
            Manner.Slow => TakesAtLeast + world.Scheduler.Within(TimeSpan.FromSeconds(6)),
            _ => world.Scheduler.Within(LongestAnswer),
        };
        var arrival = new Arrival(request.Headers.First(header => header.Key == "webhook-id").Value, process.Number, world.Scheduler.Now, world.Scheduler.Now + wait);
        Arrivals.Add(arrival);
        var over = new TaskCompletionSource<AttemptResult>();
        cancel.Register(() => over.TrySetCanceled(cancel));
        world.Scheduler.After(wait, process, () => over.TrySetResult(Answer(manner, wait)));
        return over.Task;
    }

    private AttemptResult Answer(Manner manner, TimeSpan took)
    {
        AttemptResult Failure(AttemptOutcome outcome) => new(outcome, null, [], [], took, null, ResponseDirective.None, "Simulated.");
        AttemptResult Status(int status, TimeSpan? retryAfter = null, ResponseDirective directive = ResponseDirective.None) => new(
            status is >= 200 and < 300 ? AttemptOutcome.Succeeded : AttemptOutcome.HttpStatus, status, [], [], took, retryAfter, directive, null);
        return manner switch
        {
            Manner.Healthy or Manner.Slow => Status(200),
            Manner.Fails => Status(500),
            Manner.Hangs => Failure(AttemptOutcome.Timeout),
            Manner.Refuses => Failure(AttemptOutcome.ConnectionRefused),
            Manner.ClosesEarly => Failure(AttemptOutcome.ConnectionFailed),
            Manner.Redirects => Status(302),
            Manner.AsksToWait => Status(429, world.Scheduler.Within(TimeSpan.FromMinutes(world.Chance(0.1) ? 60 : 1))),
            Manner.Aborts => Status(400, directive: ResponseDirective.AbortMessage),
            Manner.Gone => Status(410, directive: ResponseDirective.DisableTarget),
            _ => throw new ArgumentOutOfRangeException(nameof(manner)),
        };
    }
}

/// <summary>The endpoint that a receiver stands behind, and what was done to it.</summary>
internal sealed class SimulatedEndpoint(string recipient, EndpointSettings settings)
{
    public string Recipient => recipient;
    public EndpointSettings Settings => settings;
    public string? EndpointId { get; set; }
    public bool WasPaused { get; set; }

    /// <summary>Disabled or deleted, if only for a time.</summary>
    public bool WasTakenOut { get; set; }
}

/// <summary>One request that reached a receiver.</summary>
internal sealed record Arrival(string MessageId, int Process, TimeSpan At, TimeSpan EndsAt);
