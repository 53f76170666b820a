using System.Globalization;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Refusals;

namespace Hookway.Dispatch.Explain;

/// <summary>Makes of the records one sentence, and the list of facts that it rests on.</summary>
internal sealed class Answer(Records records)
{
    private const int MostClauses = 3;

    private readonly string _who = records.Question.Recipient;
    private readonly List<Fact> _facts = [];

    /// <summary>What a message is called in a sentence about several.</summary>
    public static string NameOf(Message message) => $"{message.EventType} {message.MessageId}";

    public (string Answer, IReadOnlyList<Fact> Facts) Give()
    {
        var refused = records.Refused.Select(OfRefused).ToList();
        var told = records.Messages.Select(record => (record.Message, Facts: new MessageAccount(record, records).Facts())).ToList();
        var answer = records.Question.MessageId is not null ? OfOne(told, refused)
            : told.Count == 0 ? OfNone(refused)
            : OfMany(told, refused);
        return (Phrases.Sentence(answer), _facts);
    }

    private string OfOne(List<(Message Message, IReadOnlyList<Fact> Facts)> told, List<Fact> refused)
    {
        var id = records.Question.MessageId!;
        if (told is [var (message, facts)])
        {
            if (message.Recipient != _who)
            {
                _facts.Add(new Fact(FindingKinds.OtherRecipient, message.CreatedAt, it => $"{it} was sent to {message.Recipient}, not to {_who}", message));
                return $"{_who} did not get message {What(message)}: it was sent to {message.Recipient}, not to {_who}";
            }
            _facts.AddRange(facts);
            _facts.AddRange(refused);
            return Fate("message " + What(message), facts);
        }
        if (refused.Count > 0)
        {
            _facts.AddRange(refused);
            return $"{_who} did not get message {id}: {refused[0].Phrase("it")}";
        }
        _facts.Add(new Fact(FindingKinds.NoMessage, null, $"no message {id} is kept in this app: it was never accepted here, or is older than what is kept"));
        _facts.AddRange(OfRecipient());
        return $"{_who} did not get message {id}: none by that id is kept in this app, so it was never accepted here, or is older than what is kept";
    }

    private string OfMany(List<(Message Message, IReadOnlyList<Fact> Facts)> told, List<Fact> refused)
    {
        var (newest, facts) = told[0];
        var lastRefused = refused.Find(fact => fact.At > newest.CreatedAt);
        _facts.AddRange(refused.Where(fact => fact.At > newest.CreatedAt));
        _facts.AddRange(told.SelectMany(item => item.Facts));
        _facts.AddRange(refused.Where(fact => !(fact.At > newest.CreatedAt)));
        if (lastRefused is not null)
        {
            return $"{_who} did not get the last {Kind}: {lastRefused.Phrase("it")}; the last that was accepted, {What(newest)}, {(Arrived(facts) ? "arrived" : "has not arrived")}";
        }
        if (!Arrived(facts) || told.Find(item => !Arrived(item.Facts)) is not { Message: { } missing, Facts: { } why })
        {
            return Fate($"the last {Kind}, {What(newest)}", facts);
        }
        var isOpen = why.All(fact => fact.IsDelivered || fact.IsPassedOver || fact.IsAside || fact.IsOpen) && why.Any(fact => fact.IsOpen);
        return $"{_who} got the last {Kind}, but {(isOpen ? "has not got" : "did not get")} message {What(missing)}{(isOpen ? " yet" : "")}: {Clauses(why)}";
    }

    private string OfNone(List<Fact> refused)
    {
        var (question, type) = (records.Question, records.Question.Type);
        var since = question.Since is { } from ? $" since {Phrases.Time(DateTimeOffset.FromUnixTimeMilliseconds(from))}" : records.IsCutShort ? " lately" : "";
        var obstacles = OfRecipient();
        if (refused.Count > 0)
        {
            _facts.AddRange(refused);
            _facts.AddRange(obstacles);
            return $"{_who} did not get {(type is null ? "anything" : type)}{since}: {refused[0].Phrase("it")}, and none was accepted";
        }
        var none = $"no {(type is null ? "message" : type)} was sent to {_who}{since}";
        _facts.Add(new Fact(FindingKinds.NoMessage, null, none + (records.IsCutShort ? ", as far back as was looked" : question.Since is null ? ", or none that is still kept" : "")));
        _facts.AddRange(obstacles);
        return obstacles.Count == 0 ? none : $"{none}, and {Clauses(obstacles)}";
    }

    /// <summary>What stands in the way of messages to the recipient as things are now.</summary>
    private List<Fact> OfRecipient()
    {
        var type = records.Question.Type;
        var facts = new List<Fact>();
        if (records.Question.App.ArchivedAt is { } archivedAt)
        {
            facts.Add(new Fact(FindingKinds.AppArchived, archivedAt, $"the app was archived{Phrases.At(archivedAt)}"));
        }
        if (records.TypeIsPublished is false)
        {
            facts.Add(new Fact(FindingKinds.EventTypeNotPublished, null, $"the event type {type} is not published in this app"));
        }
        if (records.Recipient is not { DeletedAt: null })
        {
            facts.Add(records.Recipient is { DeletedAt: { } at }
                ? new Fact(FindingKinds.RecipientDeleted, at, $"the recipient {_who} was deleted{Phrases.At(at)}")
                : new Fact(FindingKinds.RecipientUnknown, null, $"no recipient {_who} is known in this app"));
            return facts;
        }
        var inUse = records.Endpoints.Where(endpoint => endpoint.DeletedAt is null).ToList();
        if (inUse.Count == 0)
        {
            var last = records.Endpoints.MaxBy(endpoint => endpoint.DeletedAt);
            facts.Add(new Fact(FindingKinds.NoEndpoint, last?.DeletedAt, $"{_who} has no endpoint" + (last is null ? "" : $"; its last one, {Phrases.Place(last)}, was deleted{Phrases.At(last.DeletedAt)}")));
            return facts;
        }
        var obstacles = inUse.Select(endpoint => (Endpoint: endpoint, Fact: Obstacle(endpoint, type))).Where(item => item.Fact is not null).Select(item => item.Fact! with { Endpoint = item.Endpoint }).ToList();
        // Where one endpoint would get it, it is no matter that another would not.
        return [.. facts, .. obstacles.Count == inUse.Count ? obstacles : []];
    }

    private static Fact? Obstacle(Endpoints.WebhookEndpoint endpoint, string? type)
    {
        var place = Phrases.Place(endpoint);
        return !endpoint.Settings.Enabled ? new Fact(FindingKinds.EndpointDisabled, null, $"{place} is disabled{Phrases.Because(endpoint.DisabledReason)}")
            : type is not null && !endpoint.Settings.Subscribes(type) ? new Fact(FindingKinds.NotSubscribed, null, $"{place} is not subscribed to {type}: it takes {Phrases.Subscription(endpoint.Settings.EventTypes)}")
            : endpoint.Settings.Paused ? new Fact(FindingKinds.Paused, null, $"{place} is paused")
            : null;
    }

    private static Fact OfRefused(RefusedSend refused) => new(
        FindingKinds.SendRefused, refused.At,
        string.Create(CultureInfo.InvariantCulture, $"the send{(refused.Type is null ? "" : $" of {refused.Type}")}{(refused.MessageId is null ? "" : $" with the messageId {refused.MessageId}")} was refused with {refused.Status} {refused.Code}{Phrases.At(refused.At)} ({refused.Detail.TrimEnd('.')})"));

    /// <summary>What became of a message, as a sentence.</summary>
    private string Fate(string what, IReadOnlyList<Fact> facts)
    {
        var delivered = facts.Where(fact => fact.IsDelivered).ToList();
        var missing = facts.Where(fact => fact is { IsDelivered: false, IsPassedOver: false, IsAside: false }).ToList();
        return delivered.Count > 0 && missing.Count == 0 ? $"{_who} got {what}: {Clauses(delivered)}"
            : delivered.Count > 0 ? $"{_who} got {what} at {Phrases.Count(delivered.Count, "endpoint")} of {Phrases.Count(delivered.Count + missing.Count)}: {Clauses([.. missing, .. delivered])}"
            : missing.Count > 0 && missing.All(fact => fact.IsOpen) ? $"{_who} has not got {what} yet: {Clauses(missing)}"
            : $"{_who} did not get {what}: {Clauses(missing.Count > 0 ? missing : facts)}";
    }

    private static bool Arrived(IReadOnlyList<Fact> facts) => facts.Any(fact => fact.IsDelivered) && facts.All(fact => fact.IsDelivered || fact.IsPassedOver || fact.IsAside);

    private static string Clauses(IReadOnlyList<Fact> facts)
    {
        var told = facts.Where(fact => !fact.IsAside).OrderBy(fact => fact.IsDelivered).ToList();
        var more = told.Count - MostClauses;
        return string.Join("; ", told.Take(MostClauses).Select(fact => fact.Phrase("it"))) + (more > 0 ? $"; and so on at {Phrases.Count(more, "more endpoint")}" : "");
    }

    private string Kind => records.Question.Type ?? "message";

    private string What(Message message) =>
        $"{message.MessageId}{(records.Question.Type is null || records.Question.MessageId is not null ? $" ({message.EventType})" : "")} of {Phrases.Time(message.CreatedAt)}";
}
