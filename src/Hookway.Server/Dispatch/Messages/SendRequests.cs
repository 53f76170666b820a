using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Refusals;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Requests to send: reads them, has them accepted, and notes what was refused. What memory says is good is judged again in the transaction; what memory refuses, or
/// has routed, is judged again by what was changed elsewhere since memory was read.
/// </summary>
public sealed class SendRequests(
    AppStore apps, MessageIntake intake, RefusedSends refusals, Configuration configuration, WorkspaceStore workspaces, TimeProvider clock)
{
    private const int MostTries = 5;

    /// <summary>Sends one message.</summary>
    public async Task<IResult> Send(HttpContext http, Caller caller, string appId)
    {
        if (http.Request.ContentLength > MessageDraft.BodyLimit(MessageDraft.PayloadBytes(caller)))
        {
            caller = await Renewed(caller);
        }
        if (await apps.View(caller, appId) is not { } view)
        {
            return Problem.NotFound("app");
        }
        var (body, tooLarge) = await JsonInput.ReadBytes(http, MessageDraft.BodyLimit(MessageDraft.PayloadBytes(caller)), "The request body");
        if (tooLarge is not null)
        {
            return Refuse(http, view.App, tooLarge, null);
        }
        for (var tries = 1; ; tries++)
        {
            var (send, refused) = await Judge(http, caller, view, body);
            if (refused is not null)
            {
                await configuration.CatchUp();
                if (configuration.Version == caller.Version)
                {
                    return Refuse(http, view.App, refused.Problem, refused.Glimpse);
                }
            }
            else if (await intake.Accept(send!) is { IsOutdated: false } outcome)
            {
                return outcome.Problem is null ? await intake.Answer(view.App, outcome) : Refuse(http, view.App, outcome.Problem, GlimpseOf(send!.Draft));
            }
            if (tries == MostTries)
            {
                throw new StorageUnavailableException("The app is being changed faster than a send to it can be judged.");
            }
            caller = await Renewed(caller);
            view = (await apps.View(caller, appId))!;
        }
    }

    /// <summary>Sends many messages, each judged by itself, in one commit.</summary>
    public async Task<IResult> SendBatch(HttpContext http, Caller caller, string appId)
    {
        if (await apps.View(caller, appId) is not { } view)
        {
            return Problem.NotFound("app");
        }
        if (view.App.ArchivedAt is not null)
        {
            return Refuse(http, view.App, Problem.NotFound("app"), null);
        }
        if (http.Request.Headers.ContainsKey("Idempotency-Key"))
        {
            return Refuse(http, view.App, Problem.Invalid("Idempotency-Key", "is not taken here: each message of a batch has its own messageId or idempotencyKey"), null);
        }
        var (body, problem) = await JsonInput.ReadBytes(http, MessageBatch.MostBytes, "The request body");
        (var items, problem) = problem is null ? MessageBatch.Read(body) : ([], problem);
        return problem is null ? await SendItems(http, caller, view, items) : Refuse(http, view.App, problem, null);
    }

    private async Task<IResult> SendItems(HttpContext http, Caller caller, AppView view, IReadOnlyList<ReadOnlyMemory<byte>> items)
    {
        var results = new BatchResult[items.Count];
        var sends = new List<MessageSend>(items.Count);
        var places = new List<int>(items.Count);
        for (var i = 0; i < results.Length; i++)
        {
            var (send, refused) = await Judge(http, caller, view, items[i]);
            if (send is null)
            {
                results[i] = BatchResult.Of(Refuse(http, view.App, refused!.Problem, refused.Glimpse), http.TraceIdentifier);
                continue;
            }
            // Everything that was changed before the request is known to this one, so that its routing is as good as any.
            sends.Add(send with { Draft = send.Draft with { IsRouted = false } });
            places.Add(i);
        }
        var outcomes = sends.Count == 0 ? [] : await intake.AcceptTogether(sends);
        if (outcomes.FirstOrDefault(outcome => outcome.Problem?.Status is StatusCodes.Status401Unauthorized) is { } unauthorized)
        {
            // One caller, one transaction: what holds for one item holds for all, and that the key is no good is not an item's matter.
            return unauthorized.Problem!;
        }
        for (var i = 0; i < outcomes.Count; i++)
        {
            results[places[i]] = BatchResult.Of(outcomes[i], http.TraceIdentifier);
            if (outcomes[i].Problem is { } problem)
            {
                Refuse(http, view.App, problem, GlimpseOf(sends[i].Draft));
            }
        }
        return TypedResults.Accepted((string?)null, new BatchSent(results));
    }

    /// <summary>The caller with what is known by now.</summary>
    private async ValueTask<Caller> Renewed(Caller caller)
    {
        await configuration.CatchUp();
        return caller with { Version = configuration.Version, Workspace = await workspaces.View(caller.WorkspaceNo) };
    }

    private async ValueTask<(MessageSend? Send, RefusedDraft? Refused)> Judge(HttpContext http, Caller caller, AppView view, ReadOnlyMemory<byte> body)
    {
        if (view.App.ArchivedAt is not null)
        {
            return (null, new RefusedDraft(Problem.NotFound("app"), null));
        }
        var now = clock.GetUtcNow();
        var (draft, refused) = MessageDraft.Parse(body, view.App, name => Header(http.Request, name), MessageDraft.PayloadBytes(caller), now);
        if (draft is null)
        {
            return (null, refused);
        }
        var (send, problem) = await intake.Resolve(caller, view, draft, now);
        return (send, problem is null ? null : new RefusedDraft(problem, GlimpseOf(draft)));
    }

    private Problem Refuse(HttpContext http, App app, Problem problem, SendGlimpse? glimpse)
    {
        // A credential that is no good says nothing about the app.
        if (problem.Status is not StatusCodes.Status401Unauthorized)
        {
            refusals.Note(app, problem, glimpse, http.TraceIdentifier);
        }
        return problem;
    }

    private static SendGlimpse GlimpseOf(MessageDraft draft) => new(draft.Recipient, draft.Type, draft.MessageId);

    private static string? Header(HttpRequest request, string name) => request.Headers[name] is [{ Length: > 0 } value, ..] ? value : null;
}
