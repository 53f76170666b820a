using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>Keeps received events: many requests share one <see cref="EventCommit"/>; after the commit what is to be forwarded is handed to the engine, and only then is the sender told.</summary>
public sealed class EventIntake
{
    private const int Slots = 16;

    private readonly Database _database;
    private readonly Configuration _configuration;
    private readonly DeliverySchedule _schedule;
    private readonly EventMetrics _metrics;
    private readonly TimeOrder _times;
    private readonly KnownTypes _types = new();
    private readonly WriteLane<ReceivedEvent, EventOutcome> _lane;

    public EventIntake(
        Database database, Configuration configuration, EventStore events, RouteEvent route, DeliverySchedule schedule, EventMetrics metrics, Random random)
    {
        _database = database;
        _configuration = configuration;
        _schedule = schedule;
        _metrics = metrics;
        _times = events.Times;
        // Nodes that count in the same row of a source wait for each other.
        Slot = random.NextInt64(Slots);
        _lane = new WriteLane<ReceivedEvent, EventOutcome>(
            "events", (session, received) => new EventCommit(session, configuration, route, _times, _types, Slot).Accept(received), HandOff, item => item.Request.Body.Length);
    }

    /// <summary>Which of the rows of a source this process counts in.</summary>
    public long Slot { get; }

    /// <summary>Keeps an event, in a transaction that it may share with others.</summary>
    public Task<EventOutcome> Keep(ReceivedEvent received) => _database.Write(_lane, received);

    private void HandOff(IReadOnlyList<ReceivedEvent> received, IReadOnlyList<EventOutcome> outcomes)
    {
        _configuration.CaughtUp();
        _times.Noted();
        _types.Added();
        _metrics.Kept(received, outcomes);
        for (var i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i].Targets.Count == 0)
            {
                continue;
            }
            var content = received[i].Content;
            foreach (var target in outcomes[i].Targets)
            {
                _schedule.HandOff(target, new PendingDelivery(outcomes[i].Seq, target.No, 0, DeliveryTrigger.Automatic, 0, 0, content, content.Body.Length));
            }
        }
    }
}
