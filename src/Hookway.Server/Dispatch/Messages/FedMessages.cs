using System.Buffers;
using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Messages that come from within: an item of the other half becomes a message of an app, to the recipient that the app's routing key names, under the item's own id. An item
/// that comes again is the message it became.
/// </summary>
public sealed class FedMessages(
    AppStore apps, MessageStore messages, MessageIntake intake, MessageReplay replays, WorkspaceStore workspaces, Configuration configuration, TimeProvider clock)
{
    private const int MostTries = 5;
    private static readonly TimeSpan MostWait = TimeSpan.FromHours(24);
    private static readonly SearchValues<char> TypeCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");

    /// <summary>Whether a workspace has an app with this id that is in use.</summary>
    public async ValueTask<bool> IsInUse(long workspaceNo, string appId)
    {
        var version = configuration.Version;
        return await apps.View(Caller.OfServer(await workspaces.View(workspaceNo), version), appId) is { App.ArchivedAt: null };
    }

    /// <summary>Sends an item on; what it came to is an attempt's result.</summary>
    public async Task<AttemptResult> Feed(FedItem item, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var (outcome, detail, wait) = await Send(item, cancel);
        return new AttemptResult(outcome, null, [], [], clock.GetElapsedTime(started), wait, ResponseDirective.None, detail);
    }

    private async Task<(AttemptOutcome Outcome, string? Detail, TimeSpan? Wait)> Send(FedItem item, CancellationToken cancel)
    {
        for (var tries = 1; tries <= MostTries; tries++)
        {
            cancel.ThrowIfCancellationRequested();
            // What memory refuses must not be what was mended a moment ago, on another node perhaps.
            await configuration.CatchUp();
            var caller = Caller.OfServer(await workspaces.View(item.WorkspaceNo), configuration.Version);
            if (await apps.View(caller, item.AppId) is not { App.ArchivedAt: null } view)
            {
                return (AttemptOutcome.MessageRefused, "The app is archived.", null);
            }
            if (item.Again && await messages.FindWithData(view.App, item.ItemId) is { } before)
            {
                return await replays.Replay(view.App, before, null) is Problem refusal ? Refused(refusal) : (AttemptOutcome.Succeeded, null, null);
            }
            var (draft, problem) = DraftOf(item, view.App, MessageDraft.PayloadBytes(caller));
            if (draft is null)
            {
                return problem;
            }
            var (send, refused) = await intake.Resolve(caller, view, draft, clock.GetUtcNow());
            if (send is null)
            {
                return Refused(refused!);
            }
            if (await intake.Accept(send) is { IsOutdated: false } outcome)
            {
                // Under the item's id there can be no other message than the one it became, whatever the destination made of it then.
                return outcome.Problem is null or { Code: "idempotency_mismatch" } ? (AttemptOutcome.Succeeded, null, null) : Refused(outcome.Problem);
            }
        }
        return (AttemptOutcome.MessageRefused, "The app is being changed faster than a message to it can be judged.", null);
    }

    private static (MessageDraft? Draft, (AttemptOutcome, string?, TimeSpan?) Problem) DraftOf(FedItem item, App app, int payloadBytes)
    {
        if (item.Data.Length > payloadBytes)
        {
            return (null, (AttemptOutcome.MessageRefused, $"The data is over the limit of {payloadBytes} bytes.", null));
        }
        string? recipient;
        try
        {
            recipient = MessageDraft.Route(app, item.Data, name => item.Headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value);
        }
        catch (JsonException)
        {
            return (null, (AttemptOutcome.MessageRefused, $"The data is not JSON, or nests deeper than {RawJson.MostDepth} levels.", null));
        }
        if (!Recipient.IsId(recipient))
        {
            return (null, (AttemptOutcome.RoutingKeyMissing, recipient is null
                ? "There is no recipient where the app's routing key points."
                : $"What the app's routing key names cannot be a recipient: it {Recipient.IdForm}.", null));
        }
        return TypeOf(item.Type) is { } type
            ? (new MessageDraft(recipient!, type, item.Data, item.ItemId, null, null) { IsRouted = true }, default)
            : (null, (AttemptOutcome.EventTypeNotPublished, "The event has no type.", null));
    }

    /// <summary>An item's type as a message's: a dot for each character that a name may not have.</summary>
    private static string? TypeOf(string? type)
    {
        if (type is null)
        {
            return null;
        }
        var name = string.Concat(type.Select(character => TypeCharacters.Contains(character) ? character : '.'));
        return EventType.IsName(name) ? name : null;
    }

    private static (AttemptOutcome, string?, TimeSpan?) Refused(Problem problem) => (
        problem.Code switch
        {
            "event_type_not_published" => AttemptOutcome.EventTypeNotPublished,
            "schema_mismatch" => AttemptOutcome.SchemaMismatch,
            _ => AttemptOutcome.MessageRefused,
        },
        problem.Detail, problem.RetryAfter < MostWait ? problem.RetryAfter : problem.RetryAfter is null ? null : MostWait);
}
