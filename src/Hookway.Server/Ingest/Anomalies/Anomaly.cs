using System.Globalization;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>The causes of issues about sources: <c>kind:source number</c>, and what further tells them apart.</summary>
internal static class AnomalyCause
{
    public static string Of(IssueKind kind, long sourceNo, params ReadOnlySpan<string> more)
    {
        var cause = string.Create(CultureInfo.InvariantCulture, $"{Issue.Word(kind)}:{sourceNo}");
        foreach (var part in more)
        {
            cause += ":" + part;
        }
        return cause;
    }

    /// <summary>The name of the rule that a cause is about, where the kind has several; null of others.</summary>
    public static string? RuleOf(string cause) => cause.Split(':', 4) is [_, _, var rule, ..] ? rule : null;

    /// <summary>Whether it is one of a kind that has several.</summary>
    public static bool IsMore(string cause) => RuleOf(cause) is not null;

    /// <summary>The number of the source that a cause is about.</summary>
    public static long SourceOf(string cause) => long.Parse(cause.Split(':', 3)[1], CultureInfo.InvariantCulture);
}

/// <summary>What people are told of each anomaly.</summary>
internal static class Anomaly
{
    /// <summary>What is not seen for so long is over, where nothing else tells.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromHours(24);

    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    private static readonly TimeSpan ShortlyQuiet = TimeSpan.FromHours(1);

    public static Sighting SignatureFailure(Source source, WatchedEvent watched) => Of(
        IssueKind.SignatureFailures, IssueSeverity.Error, source, watched, $"Requests to {source.Settings.Name} have a wrong signature",
        $"{watched.SignatureDetail} They are kept and never forwarded. If the vendor's secret was changed, save the new one beside the old and check the events again; "
        + "if not, somebody else knows the ingest URL: rotate its token. This issue ends when an hour has passed without one.", ShortlyQuiet);

    public static Sighting Duplicate(Source source, WatchedEvent watched) => Of(
        IssueKind.DuplicateEvent, IssueSeverity.Info, source, watched, $"{source.Settings.Name} sends events again",
        "They are marked, and forwarded only where no copy before them arrived. Vendors repeat what was not answered in time; many of them mean that answers come late or are lost on their way. "
        + "This issue ends when a day has passed without one.", Quiet);

    public static Sighting Altered(Source source, WatchedEvent watched) => Of(
        IssueKind.DuplicateEvent, IssueSeverity.Error, source, watched, $"{source.Settings.Name} sent different events under one id",
        "An event came again with another body than before. Compare the two: an app that goes by the id knows only the first. This issue ends when a day has passed without one.", Quiet, "altered");

    public static Sighting Renamed(Source source, WatchedEvent watched) => Of(
        IssueKind.DuplicateEvent, IssueSeverity.Warning, source, watched, $"{source.Settings.Name} sent the same content under another id",
        "What is signed of an event came again with another id, which is not signed. Two webhooks for one thing at the vendor do that; so does somebody who sends on what he has overheard. It is marked as a duplicate "
        + "and forwarded all the same. This issue ends when a day has passed without one.", Quiet, "renamed");

    /// <param name="usual">What is usual of the source, where that is known.</param>
    public static Sighting Late(Source source, WatchedEvent watched, TimeSpan delay, TimeSpan? usual) => Of(
        IssueKind.LateEvent, IssueSeverity.Warning, source, watched, $"Events of {source.Settings.Name} come late",
        $"The last of them came {Words(delay)} after what it tells of{(usual is { } known ? $"; usual of this source are {Words(known)} at most" : "")}. The vendor has a backlog, or tried before and was not answered. This issue ends when an hour has passed without one.", ShortlyQuiet);

    /// <param name="tries">How often the last of them was tried before.</param>
    public static Sighting Retried(Source source, WatchedEvent watched, int tries) => Of(
        IssueKind.LateEvent, IssueSeverity.Warning, source, watched, $"{source.Settings.Name} has to send events again",
        string.Create(CultureInfo.InvariantCulture, $"The last of them came at try {tries + 1}. Vendors send again what was not answered in time: answers to earlier tries failed or were slow, or something between cut them off. ")
        + "Look at refused requests, at the server's logs and at what stands before it. This issue ends when an hour has passed without one.", ShortlyQuiet, "retries");

    /// <param name="failed">Of the requests of the last minutes, those that failed.</param>
    public static Sighting SecretChanged(Source source, WatchedEvent watched, long failed, long all) => Of(
        IssueKind.SignatureFailures, IssueSeverity.Error, source, watched, $"The secret of {source.Settings.Name} seems to have been changed at the vendor",
        string.Create(CultureInfo.InvariantCulture, $"All was genuine for long; of the last {all} requests {failed} have a wrong signature, for ten minutes and more. ")
        + "Save the vendor's new secret beside the old, and check the events again: none of them is lost. This issue ends when an hour has passed without one.", ShortlyQuiet, "changed");

    public static Sighting OutOfOrder(Source source, WatchedEvent watched) => Of(
        IssueKind.OutOfOrder, IssueSeverity.Info, source, watched, $"Events of {source.Settings.Name} come out of order",
        $"The last of them, of {watched.EntityKey ?? "the source"}, is older than one that came before it. All were forwarded as they came: an app must not let an older state replace a newer one. "
        + "This issue ends when a day has passed without one.", Quiet);

    public static Sighting Silence(Source source, FeedSilence silence, DateTimeOffset now) => new(
        source.WorkspaceNo, IssueKind.Silence, IssueSeverity.Warning, AnomalyCause.Of(IssueKind.Silence, source.No), $"{source.Settings.Name} is unusually quiet", silence.Expected is { } expected
            ? string.Create(CultureInfo.InvariantCulture, $"In {Words(silence.During)} came {silence.Events} events; usual are about {expected:0}. ") + Advice
            : $"Nothing has come for {Words(silence.During)}. " + Advice, AboutSource(source), 1, now, now, []);

    /// <summary>Far fewer events of a type than usual.</summary>
    public static Sighting SilenceOf(Source source, string type, FeedSilence silence, DateTimeOffset now) => new(
        source.WorkspaceNo, IssueKind.Silence, IssueSeverity.Warning, AnomalyCause.Of(IssueKind.Silence, source.No, type), $"{source.Settings.Name} sends unusually few events of the type {type}",
        string.Create(CultureInfo.InvariantCulture, $"In {Words(silence.During)} came {silence.Events} of them; usual are about {silence.Expected:0}. Other events come. ")
        + "The type may have been taken out of the webhook's subscription at the vendor. This issue ends when they come as usual.", AboutSource(source), 1, now, now, []);

    public static Sighting UnusualShare(Source source, GapRule rule, FeedShare share, DateTimeOffset now) => new(
        source.WorkspaceNo, IssueKind.UnusualRate, IssueSeverity.Warning, AnomalyCause.Of(IssueKind.UnusualRate, source.No, rule.Name), $"{source.Settings.Name}: {rule.Name} is far from usual",
        string.Create(CultureInfo.InvariantCulture, $"{rule.Text} In the last day it were {share.Part} of {share.Whole}; usual are {share.Usual:P1}. This issue ends when the share is as usual for a day."),
        AboutSource(source), 1, now, now, []);

    /// <param name="hook">What the vendor calls the webhook, where that is known.</param>
    public static Sighting Downtime(Source source, VendorPreset vendor, DateTimeOffset from, DateTimeOffset to, string? hook) => new(
        source.WorkspaceNo, IssueKind.MissingEvent, IssueSeverity.Warning, AnomalyCause.Of(IssueKind.MissingEvent, source.No, CommonRule.Downtime.Name),
        $"{source.Settings.Name}: what was sent while no server ran is missing",
        string.Create(CultureInfo.InvariantCulture, $"From {from:yyyy-MM-dd HH:mm} to {to:yyyy-MM-dd HH:mm} UTC nothing could be received, and {vendor.Name} does not send again by itself. {vendor.NoRetries!.Advice}")
        + $"{(hook is null ? "" : $" The webhook is {hook}.")} This issue ends after three days.", AboutSource(source), 1, from, to, [])
    {
        OverAt = to + TimeSpan.FromDays(3),
    };

    public static Sighting NewType(Source source, WatchedEvent watched) => Of(
        IssueKind.SchemaChange, IssueSeverity.Info, source, watched, $"{source.Settings.Name} sends events of a new type: {watched.Type}",
        "None of them came before. Destinations whose filters do not name it leave it out, and an app may not know it. This issue ends after a week.", Week, "type", watched.Type!);

    public static Sighting Vanished(Source source, WatchedEvent watched, string path) => Of(
        IssueKind.SchemaChange, IssueSeverity.Warning, source, watched, $"{source.Settings.Name}: {path} is missing in events of the type {watched.Type}",
        "It was in all of them before, and not in the last that were looked at. An app that needs it fails. This issue ends when it is there again.", null, "field", watched.Type!, path);

    public static Sighting Version(Source source, WatchedEvent watched, string former, string version) => Of(
        IssueKind.SchemaChange, IssueSeverity.Warning, source, watched, $"{source.Settings.Name} writes its events by version {version} of its API",
        $"Before it was {former}. Fields may have other names or meanings: look at the vendor's list of changes. This issue ends after a week.", Week, "version");

    /// <summary>An expected event that has not come in time.</summary>
    /// <param name="isOneOfMany">So many are missing that they share an issue.</param>
    public static Sighting Missing(Source source, GapRule rule, Expectation missed, bool isOneOfMany)
    {
        var kind = rule.Kind is GapRuleKind.Sequence ? IssueKind.SequenceGap : IssueKind.MissingEvent;
        var (scope, number) = rule.Kind is GapRuleKind.Sequence && missed.Entity.LastIndexOf(Expectation.NumberMark) is var mark and >= 0
            ? (missed.Entity[..mark], missed.Entity[(mark + 1)..]) : (missed.Entity, "");
        var title = rule.Kind is GapRuleKind.Sequence ? $"{source.Settings.Name}: number {number} is missing{(scope.Length > 0 ? $" of {scope}" : "")}"
            : isOneOfMany ? $"{source.Settings.Name}: nothing followed many events of the type {missed.EventType}"
            : $"{source.Settings.Name}: nothing followed {missed.EventType} of {missed.Entity}";
        var detail = rule.Kind is GapRuleKind.Sequence
            ? $"{rule.Text}{Own(rule)} Others with higher numbers have come. This issue ends when what is missing has (of very many, the first)."
            : string.Create(CultureInfo.InvariantCulture, $"{rule.Text}{Own(rule)} {missed.EventType} came at {missed.BeganAt:yyyy-MM-dd HH:mm} UTC, and none of {string.Join(", ", rule.Until)} had come by {missed.DueAt:yyyy-MM-dd HH:mm}. ")
                + "Look at the vendor whether it was sent. This issue ends when it comes.";
        var cause = rule.Kind is GapRuleKind.Sequence ? AnomalyCause.Of(kind, source.No, rule.Name, scope)
            : isOneOfMany ? AnomalyCause.Of(kind, source.No, rule.Name) : AnomalyCause.Of(kind, source.No, rule.Name, missed.Entity);
        return new Sighting(
            source.WorkspaceNo, kind, IssueSeverity.Warning, cause, title, detail, AboutSource(source) with { EntityKey = isOneOfMany || scope.Length == 0 ? null : scope }, 1,
            missed.DueAt, missed.DueAt, [new SeenItem(missed.EventSeq, missed.EventId)]);
    }

    /// <summary>What a source itself says of the time of a rule.</summary>
    private static string Own(GapRule rule) => rule.OwnTime is { } own ? $" This source waits {Words(own)}." : "";

    private const string Advice = "The webhook may have been disabled at the vendor, or its URL changed. This issue ends when events come as usual.";

    private static Sighting Of(
        IssueKind kind, IssueSeverity severity, Source source, WatchedEvent watched, string title, string detail, TimeSpan? over, params ReadOnlySpan<string> more) =>
        new(source.WorkspaceNo, kind, severity, AnomalyCause.Of(kind, source.No, more), title, detail, AboutSource(source), 1, watched.ReceivedAt, watched.ReceivedAt, [watched.Item])
        {
            OverAt = watched.ReceivedAt + over,
        };

    private static IssueSubject AboutSource(Source source) => new(SourceId: source.SourceId) { SourceNo = source.No };

    private static string Words(TimeSpan time) =>
        time >= TimeSpan.FromDays(2) ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalDays)} days")
        : time >= TimeSpan.FromHours(2) ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalHours)} hours")
        : time >= TimeSpan.FromMinutes(2) ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalMinutes)} minutes")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalSeconds)} seconds");
}
