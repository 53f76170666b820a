using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>What a step through the ledger comes to, all of its events together: what was seen, which waits end and which begin.</summary>
internal sealed class Findings
{
    /// <summary>So many times what is usual of a source is slow.</summary>
    private const int SlowFactor = 3;

    /// <summary>What is faster is never slow, however fast the source is otherwise.</summary>
    private static readonly TimeSpan LeastSlow = TimeSpan.FromMinutes(1);

    /// <summary>An event that was tried so often before is told of by itself.</summary>
    private const int ManyTries = 3;

    /// <summary>A source of which fewer events were looked at has no long history.</summary>
    private const int FewestSamples = 50;

    /// <summary>Of fields that vanish at once.</summary>
    private const int MostVanished = 10;

    /// <summary>Vendors give seconds, and what happened in one of them has no order.</summary>
    private static readonly TimeSpan Simultaneous = TimeSpan.FromSeconds(1);

    /// <summary>So many numbers are waited for one by one; where more are left out, the first of them stand for all.</summary>
    private const int MostWaitedFor = 50;

    /// <summary>An event that stands for more numbers ends the waits for the first of them.</summary>
    private const long MostAtOnce = 1_000;

    /// <summary>Where more numbers than this are left out, the vendor has begun to count anew.</summary>
    private const long NewCount = 100_000;

    private readonly Dictionary<ExpectationKey, (bool Ends, Expectation? Begun)> _waits = [];

    /// <summary>When waits ended of which it is to be known how long they take.</summary>
    private readonly Dictionary<ExpectationKey, DateTimeOffset> _learned = [];

    private readonly Dictionary<(long SourceNo, string Rule, string Scope), (long? Before, SequenceMark? Now)> _marks = [];
    private readonly Dictionary<long, long> _workspaces = [];

    public List<Sighting> Seen { get; } = [];

    /// <summary>The waits that end, also when the same thing begins to wait anew.</summary>
    public IReadOnlyList<ExpectationKey> Ended => [.. _waits.Where(wait => wait.Value.Ends).Select(wait => wait.Key).OrderBy(key => key.SourceNo).ThenBy(key => key.Entity, StringComparer.Ordinal)];

    public IReadOnlyList<Expectation> Begun => [.. _waits.Values.Select(wait => wait.Begun).OfType<Expectation>()];

    public IReadOnlyList<SequenceMark> Marks => [.. _marks.Values.Select(mark => mark.Now).OfType<SequenceMark>()];

    /// <summary>The sources of which requests had a wrong signature, with the last of them.</summary>
    public Dictionary<long, (SourceView View, WatchedEvent Last)> Forged { get; } = [];

    public Tallies Tallies { get; } = new();

    /// <summary>The workspace of a source of this step, by the cause of one of its issues.</summary>
    public long WorkspaceOf(string cause) => _workspaces[AnomalyCause.SourceOf(cause)];

    /// <summary>Looks at what every event has: signature, repetition, time.</summary>
    /// <param name="usualDelay">After how long the source's events usually come at most; null when that is not known.</param>
    public void Look(SourceView view, WatchedEvent watched, TimeSpan? usualDelay)
    {
        _workspaces[view.Source.No] = view.Source.WorkspaceNo;
        if (!watched.IsGenuine)
        {
            Seen.Add(Anomaly.SignatureFailure(view.Source, watched));
            Forged[watched.SourceNo] = (view, watched);
            return;
        }
        var expected = view.Source.Settings.Expectations;
        if (watched is { DuplicateOf: not null, HasId: true })
        {
            if (watched.IsAltered || watched.IsRenamed)
            {
                Seen.Add(watched.IsAltered ? Anomaly.Altered(view.Source, watched) : Anomaly.Renamed(view.Source, watched));
            }
            else if (expected.Has(CommonRule.Duplicates))
            {
                Seen.Add(Anomaly.Duplicate(view.Source, watched));
            }
            return;
        }
        Tallies.Came(view.Source.No, watched.ReceivedAt);
        if (watched.OccurredAt is not { } occurred)
        {
            return;
        }
        LookAtDelay(view.Source, watched, watched.ReceivedAt - occurred, usualDelay);
        if (watched.EarlierOccurredAt - occurred > Simultaneous && expected.Has(CommonRule.Order))
        {
            Seen.Add(Anomaly.OutOfOrder(view.Source, watched));
        }
    }

    /// <summary>What was learned of the shapes of types.</summary>
    public Dictionary<(long SourceNo, string Type), TypeShape> Shapes { get; } = [];

    /// <summary>The events whose shape is looked at, with what is known of their types.</summary>
    public Dictionary<long, TypeShape> Samples { get; } = [];

    /// <summary>The causes of issues that are over.</summary>
    public List<string> Over { get; } = [];

    /// <summary>An event of a type that there never was, which is worth telling of a source with a long history.</summary>
    public TypeShape NewType(Source source, WatchedEvent watched, IReadOnlyCollection<TypeShape> known)
    {
        var shape = new TypeShape(source.No, watched.Type!, watched.ReceivedAt, DateTimeOffset.UnixEpoch, 0, false);
        Shapes[(source.No, shape.Type)] = shape;
        if (known.Count > 0 && watched.ReceivedAt - known.Min(shape => shape.Since) >= TypeShape.LongHistory && known.Sum(shape => shape.Samples) >= FewestSamples
            && source.Settings.Expectations.Has(CommonRule.Schema))
        {
            Seen.Add(Anomaly.NewType(source, watched));
        }
        return shape;
    }

    /// <summary>Looks at the shape of an event.</summary>
    public void Look(SourceView view, WatchedEvent watched, VendorRequest request, TypeShape known)
    {
        var version = view.Preset.ApiVersion?.For(request);
        var (now, change) = known.With(BodyShape.Of(request), string.IsNullOrWhiteSpace(version) ? null : EventFacts.Kept(version), watched.ReceivedAt);
        Shapes[(now.SourceNo, now.Type)] = now;
        Over.AddRange(change.Back.Select(path => AnomalyCause.Of(IssueKind.SchemaChange, watched.SourceNo, "field", watched.Type!, path)));
        if (!view.Source.Settings.Expectations.Has(CommonRule.Schema))
        {
            return;
        }
        Seen.AddRange(change.Vanished.Take(MostVanished).Select(path => Anomaly.Vanished(view.Source, watched, path)));
        if (change.FormerVersion is { } former)
        {
            Seen.Add(Anomaly.Version(view.Source, watched, former, now.Versions[^1]));
        }
    }

    /// <summary>The vendor says that it has tried before.</summary>
    public void Retried(Source source, WatchedEvent watched, int tries)
    {
        if (tries > 0 && source.Settings.Expectations.Has(CommonRule.Retries))
        {
            Tallies.Note(Burden.Retried, source.No, watched.ReceivedAt, Anomaly.Retried(source, watched, tries), isCertain: tries >= ManyTries);
        }
    }

    private void LookAtDelay(Source source, WatchedEvent watched, TimeSpan delay, TimeSpan? usual)
    {
        Tallies.Took(source.No, CommonRule.Late.Name, watched.ReceivedAt, delay);
        var expected = source.Settings.Expectations;
        if (expected.TimeOf(CommonRule.Late) is not { } late)
        {
            return;
        }
        var slow = expected.IsUsual(CommonRule.Late) ? usual * SlowFactor : null;
        if (delay > late && !(delay <= slow))
        {
            Seen.Add(Anomaly.Late(source, watched, delay, usual));
        }
        else if (delay > slow && delay > LeastSlow)
        {
            Tallies.Note(Burden.Slow, source.No, watched.ReceivedAt, Anomaly.Late(source, watched, delay, usual));
        }
    }

    /// <param name="isLearned">It is to be known how long it took.</param>
    public void End(ExpectationKey key, DateTimeOffset at, bool isLearned = false)
    {
        if (isLearned && _waits.GetValueOrDefault(key).Begun is { } begun)
        {
            Tallies.Took(key.SourceNo, key.Rule, at, at - begun.BeganAt);
        }
        else if (isLearned)
        {
            _learned.TryAdd(key, at);
        }
        _waits[key] = (true, null);
    }

    /// <summary>How long what took, with what had waited since earlier steps.</summary>
    public IReadOnlyList<KeyValuePair<TimeKey, long>> TimesWith(IReadOnlyList<EndedWait> ended) => Tallies.Merged([
        .. ended.Where(wait => _learned.ContainsKey(wait.Key)).Select(wait => Tallies.KeyOf(wait.Key.SourceNo, wait.Key.Rule, _learned[wait.Key], _learned[wait.Key] - wait.BeganAt))]);

    public void Begin(Expectation expectation)
    {
        var wait = _waits.GetValueOrDefault(expectation.Key);
        _waits[expectation.Key] = (wait.Ends, wait.Begun ?? expectation);
    }

    /// <summary>When what ends the waits for a thing came last, in this step; null when it did not.</summary>
    public DateTimeOffset? HabitSeenAt(ExpectationKey key) => _marks.GetValueOrDefault((key.SourceNo, key.Rule, key.Entity)).Now?.SeenAt;

    /// <summary>What ends the waits for a thing has come: from then on it is expected.</summary>
    public void SeeHabit(ExpectationKey key, DateTimeOffset at) => _marks[(key.SourceNo, key.Rule, key.Entity)] = (null, new SequenceMark(key.SourceNo, key.Rule, key.Entity, 0, at));

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
            End(new ExpectationKey(watched.SourceNo, number.Rule.Name, EntityOf(number, come)), watched.ReceivedAt);
        }
    }

    private static string EntityOf(NumberedEvent number, long value) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{number.Scope}{Expectation.NumberMark}{value}");
}
