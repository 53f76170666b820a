using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>What a step through the ledger comes to, all of its events together: what was seen, which waits end and which begin.</summary>
internal sealed class Findings
{
    /// <summary>Vendors give seconds, and what happened in one of them has no order.</summary>
    private static readonly TimeSpan Simultaneous = TimeSpan.FromSeconds(1);

    /// <summary>So many numbers are waited for one by one; where more are left out, the first of them stand for all.</summary>
    private const int MostWaitedFor = 50;

    /// <summary>An event that stands for more numbers ends the waits for the first of them.</summary>
    private const long MostAtOnce = 1_000;

    /// <summary>Where more numbers than this are left out, the vendor has begun to count anew.</summary>
    private const long NewCount = 100_000;

    private readonly Dictionary<ExpectationKey, (bool Ends, Expectation? Begun)> _waits = [];
    private readonly Dictionary<(long SourceNo, string Rule, string Scope), (long? Before, SequenceMark? Now)> _marks = [];
    private readonly Dictionary<(long SourceNo, long Hour), long> _hours = [];
    private readonly Dictionary<long, long> _workspaces = [];

    public List<Sighting> Seen { get; } = [];

    /// <summary>The waits that end, also when the same thing begins to wait anew.</summary>
    public IReadOnlyList<ExpectationKey> Ended => [.. _waits.Where(wait => wait.Value.Ends).Select(wait => wait.Key).OrderBy(key => key.SourceNo).ThenBy(key => key.Entity, StringComparer.Ordinal)];

    public IReadOnlyList<Expectation> Begun => [.. _waits.Values.Select(wait => wait.Begun).OfType<Expectation>()];

    public IReadOnlyList<SequenceMark> Marks => [.. _marks.Values.Select(mark => mark.Now).OfType<SequenceMark>()];

    public IReadOnlyList<(long SourceNo, long Hour, long Events)> Hours => [.. _hours.Select(hour => (hour.Key.SourceNo, hour.Key.Hour, hour.Value))];

    /// <summary>The workspace of a source of this step, by the cause of one of its issues.</summary>
    public long WorkspaceOf(string cause) => _workspaces[AnomalyCause.SourceOf(cause)];

    /// <summary>Looks at what every rule has: signature, repetition, time.</summary>
    public void Look(SourceView view, WatchedEvent watched)
    {
        _workspaces[view.Source.No] = view.Source.WorkspaceNo;
        if (!watched.IsGenuine)
        {
            Seen.Add(Anomaly.SignatureFailure(view.Source, watched));
            return;
        }
        var expected = view.Source.Settings.Expectations;
        if (watched is { DuplicateOf: not null, HasId: true })
        {
            if (watched.IsAltered || expected.Has(CommonRule.Duplicates))
            {
                Seen.Add(watched.IsAltered ? Anomaly.Altered(view.Source, watched) : Anomaly.Duplicate(view.Source, watched));
            }
            return;
        }
        var hour = (view.Source.No, FeedRate.HourOf(watched.ReceivedAt));
        _hours[hour] = _hours.GetValueOrDefault(hour) + 1;
        if (watched.OccurredAt is not { } occurred)
        {
            return;
        }
        if (watched.ReceivedAt - occurred > expected.TimeOf(CommonRule.Late))
        {
            Seen.Add(Anomaly.Late(view.Source, watched, watched.ReceivedAt - occurred));
        }
        if (watched.EarlierOccurredAt - occurred > Simultaneous && expected.Has(CommonRule.Order))
        {
            Seen.Add(Anomaly.OutOfOrder(view.Source, watched));
        }
    }

    public void End(ExpectationKey key) => _waits[key] = (true, null);

    public void Begin(Expectation expectation)
    {
        var wait = _waits.GetValueOrDefault(expectation.Key);
        _waits[expectation.Key] = (wait.Ends, wait.Begun ?? expectation);
    }

    public bool Knows(long sourceNo, NumberedEvent number) => _marks.ContainsKey((sourceNo, number.Rule.Name, number.Scope));

    public void Learn(long sourceNo, NumberedEvent number, long? last) => _marks[(sourceNo, number.Rule.Name, number.Scope)] = (last, null);

    /// <summary>Looks at the number of an event: what was left out before it is waited for, what had been left out has come.</summary>
    public void Look(SourceView view, WatchedEvent watched, NumberedEvent number)
    {
        var key = (watched.SourceNo, number.Rule.Name, number.Scope);
        var (before, now) = _marks[key];
        var last = now?.Last ?? before;
        _marks[key] = (before, new SequenceMark(key.SourceNo, key.Name, key.Scope, last > number.Last ? last.Value : number.Last, watched.ReceivedAt));
        if (last is not { } known)
        {
            return;
        }
        if (number.Rule.Step is not { } step)
        {
            if (number.Last < known && view.Source.Settings.Expectations.Has(CommonRule.Order))
            {
                Seen.Add(Anomaly.OutOfOrder(view.Source, watched));
            }
            return;
        }
        if (number.First > known + step && number.First - known < NewCount * step)
        {
            for (var missing = known + step; missing < number.First && missing < known + (step * (MostWaitedFor + 1L)); missing += step)
            {
                Begin(new Expectation(
                    watched.SourceNo, number.Rule.Name, EntityOf(number, missing), watched.Seq, watched.EventId, watched.Type, watched.ReceivedAt, watched.ReceivedAt + number.Rule.Within!.Value));
            }
        }
        for (var come = number.First; come <= number.Last && come <= known && come < number.First + (step * MostAtOnce); come += step)
        {
            End(new ExpectationKey(watched.SourceNo, number.Rule.Name, EntityOf(number, come)));
        }
    }

    private static string EntityOf(NumberedEvent number, long value) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{number.Scope}{Expectation.NumberMark}{value}");
}
