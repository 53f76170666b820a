using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// One transaction's worth of sends: what has become stale is resolved again, repeated keys are found (in the store, and among the sends themselves), and the rest is
/// inserted, table by table. A fixed number of statements, however many sends there are.
/// </summary>
internal sealed class MessageCommit(WriteSession session, Configuration configuration, EndpointStore endpoints, UsageStore usage, TimeOrder times)
{
    private readonly List<Accepted> _accepted = [];
    private readonly List<(long AppNo, string Key, KnownMessage Message)> _newKeys = [];
    private bool _isResolvedAnew;
    private Dictionary<(long AppNo, string Id), KnownMessage> _byId = [];
    private Dictionary<(long AppNo, string Key), KnownMessage> _byKey = [];

    public async Task<SendOutcome[]> Accept(IReadOnlyList<MessageSend> sends)
    {
        await configuration.CatchUp(session, async () =>
        {
            await session.ExpectNumbers(MessageStore.Counter, sends.Count);
            await FindKnown(sends);
        });
        var quota = await usage.OpenQuota(session, sends.Select(send => send.Caller), sends[0].CreatedAt);
        var outcomes = new SendOutcome[sends.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (await Judge(sends[i]) is { } decided)
            {
                outcomes[i] = decided;
                continue;
            }
            var fanout = await FanoutOf(sends[i]);
            if (sends[i].Only is not null && fanout.Targets.Count == 0)
            {
                outcomes[i] = SendOutcome.Refused(MessageIntake.EndpointDisabled());
                continue;
            }
            if (quota.Take(sends[i].App.WorkspaceNo, sends[i].Draft.Data.Length) is { } full)
            {
                outcomes[i] = SendOutcome.Refused(full);
                continue;
            }
            _accepted.Add(new Accepted(i, sends[i], fanout, Remember(sends[i])));
        }
        foreach (var (at, outcome) in await Insert())
        {
            outcomes[at] = outcome;
        }
        await MessageStore.InsertKeys(session, _newKeys.ConvertAll(item => (item.AppNo, item.Key, item.Message.Seq)), sends[0].CreatedAt);
        await quota.Close(session);
        return outcomes;
    }

    private async Task FindKnown(IReadOnlyList<MessageSend> sends)
    {
        var ids = sends.Where(send => send.Draft.MessageId is not null).Select(send => (send.App.No, send.MessageId)).Distinct().ToList();
        var keys = sends.Where(send => send.Draft.IdempotencyKey is not null).Select(send => (send.App.No, send.Draft.IdempotencyKey!)).Distinct().ToList();
        _byId = ids.Count == 0 ? [] : await MessageStore.FindByIds(session, ids);
        _byKey = keys.Count == 0 ? [] : await MessageStore.FindByKeys(session, keys, sends[0].CreatedAt);
    }

    /// <summary>Why a send is not to be inserted; null when it is.</summary>
    private async Task<SendOutcome?> Judge(MessageSend send)
    {
        if (configuration.IsStale(send.Caller.Credential.Subject, send.Caller.CredentialVersion) && !await send.Caller.Credential.Stands(session, send.CreatedAt))
        {
            return SendOutcome.Refused(Problem.Unauthorized("The credential has been revoked."));
        }
        var isStale = configuration.IsStale(send.App.Subject(), send.Caller.Version);
        var view = isStale ? await AppStore.Load(session.Connection, send.App.WorkspaceNo, send.App.AppId) : null;
        if (send.Draft.IsRouted && view is not null && !view.App.RoutesAs(send.App))
        {
            return SendOutcome.Outdated;
        }
        if (send.HasKey && Repeated(send) is { } repeated)
        {
            return repeated;
        }
        var refusal = isStale ? await RefusalNow(send, view) : send.Refusal;
        return refusal is null ? null : SendOutcome.Refused(refusal);
    }

    /// <summary>Why a send is refused, by the app and its types as they are in this transaction.</summary>
    private async Task<Problem?> RefusalNow(MessageSend send, AppView? view) =>
        view is not { App.ArchivedAt: null } ? Problem.NotFound("app")
        : send.Only is not null ? null
        : !view.PublishedTypes.Contains(send.Draft.Type) ? MessageIntake.NotPublished(send.Draft.Type)
        : !view.TypesWithSchema.Contains(send.Draft.Type) ? null
        : MessageIntake.Mismatch(send.Draft, await EventTypeStore.LoadSchema(session.Connection, view.App, send.Draft.Type));

    /// <summary>The message that the caller's keys stand for already, or what is wrong with using them again.</summary>
    private SendOutcome? Repeated(MessageSend send)
    {
        var byId = send.Draft.MessageId is { } id ? _byId.GetValueOrDefault((send.App.No, id)) : null;
        var byKey = send.Draft.IdempotencyKey is { } key ? _byKey.GetValueOrDefault((send.App.No, key)) : null;
        if ((byId ?? byKey) is not { } known)
        {
            return null;
        }
        if (byKey is not null && send.Draft.MessageId is { } own && own != byKey.MessageId)
        {
            return SendOutcome.Refused(Mismatch("The messageId and the idempotencyKey stand for different messages."));
        }
        if (!known.ContentHash.AsSpan().SequenceEqual(send.ContentHash))
        {
            return SendOutcome.Refused(Mismatch("A message with this key was sent before with another recipient, type or data."));
        }
        if (byKey is null)
        {
            RememberKey(send, known);
        }
        return SendOutcome.Repeated(known.MessageId);
    }

    /// <summary>Makes the keys of a send known to those behind it in the same transaction.</summary>
    private KnownMessage Remember(MessageSend send)
    {
        var known = new KnownMessage(send.MessageId, send.ContentHash);
        if (send.Draft.MessageId is { } id)
        {
            _byId[(send.App.No, id)] = known;
        }
        RememberKey(send, known);
        return known;
    }

    private void RememberKey(MessageSend send, KnownMessage known)
    {
        if (send.Draft.IdempotencyKey is { } key)
        {
            _byKey[(send.App.No, key)] = known;
            _newKeys.Add((send.App.No, key, known));
        }
    }

    private async Task<Fanout> FanoutOf(MessageSend send)
    {
        if (send.Resolved is { } resolved && !configuration.IsStale(Recipient.Subject(send.App.No, send.Draft.Recipient), send.Caller.Version))
        {
            return resolved;
        }
        _isResolvedAnew = true;
        return Fanout.Resolve(send, await endpoints.LoadRecipient(session.Connection, send.App.No, send.Draft.Recipient));
    }

    private async Task<IReadOnlyList<(int At, SendOutcome Outcome)>> Insert()
    {
        if (_accepted.Count == 0)
        {
            return [];
        }
        var now = _accepted[0].Send.CreatedAt;
        var unknown = _accepted.Where(item => item.Fanout.RecipientNo is null).Select(item => (item.Send.App.No, item.Send.Draft.Recipient, (string?)null)).Distinct().ToList();
        var made = unknown.Count == 0 ? [] : await RecipientStore.Ensure(session, unknown, now);
        if (_isResolvedAnew || unknown.Count > 0)
        {
            // A recipient that was purged just now begins anew behind all that the purge erases.
            await session.ForgetNumbers(MessageStore.Counter);
        }
        var seqs = await session.TakeNumbers(MessageStore.Counter, _accepted.Count);
        var rows = _accepted.Zip(seqs, (item, seq) =>
            (Seq: seq, item.Send, RecipientNo: item.Fanout.RecipientNo ?? made[(item.Send.App.No, item.Send.Draft.Recipient)], item.Fanout, item.Known, item.At)).ToList();
        rows.ForEach(row => row.Known.Seq = row.Seq);
        await MessageStore.Insert(session, rows.ConvertAll(row => new NewMessage(row.Seq, row.Send, row.RecipientNo, row.Fanout.Unmatched)));
        await times.Note(session, rows.Select(row => row.Send.CreatedAt.ToUnixTimeMilliseconds()));
        await DeliveryStore.Insert(session, [.. rows.SelectMany(row => row.Fanout.Targets.Select(endpoint =>
            new NewDelivery(row.Seq, endpoint.No, row.Send.Trigger, DueAt(row.Send), endpoint.Settings.Ordered, row.Send.Draft.DeliverAt is not null)))]);
        return [.. rows.Select(row => (row.At, SendOutcome.Stored(ToMessage(row.Send, row.Seq, row.RecipientNo), row.Fanout.Targets, DueAt(row.Send))))];
    }

    private static DateTimeOffset DueAt(MessageSend send) => send.Draft.DeliverAt ?? send.CreatedAt;

    private static Message ToMessage(MessageSend send, long seq, long recipientNo) =>
        new(seq, send.App.No, send.MessageId, recipientNo, send.Draft.Recipient, send.Draft.Type, send.CreatedAt, send.Draft.DeliverAt, null, null);

    private static Problem Mismatch(string detail) => Problem.BadRequest("idempotency_mismatch", detail);

    /// <summary>A send that is to be inserted, and its place among those that came together.</summary>
    private sealed record Accepted(int At, MessageSend Send, Fanout Fanout, KnownMessage Known);
}
