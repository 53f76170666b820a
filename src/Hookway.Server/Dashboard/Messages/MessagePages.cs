using System.Text.Json;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Ui;

namespace Hookway.Dashboard.Messages;

/// <summary>Messages: the list with its filters and live tail, one message with its attempts, and what can be done with it.</summary>
public static class MessagePages
{
    private const string Messages = "/w/{workspaceId}/apps/{appId}/messages";
    private const string MostAttempts = "250";

    public static void MapMessagePages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Messages, List);
        routes.MapGet(Messages + "/live", Live);
        routes.MapGet(Messages + "/send", ShowSend);
        routes.MapPost(Messages, Send);
        routes.MapGet(Messages + "/{messageId}", Show);
        routes.MapPost(Messages + "/{messageId}/replay", Replay);
        routes.MapPost(Messages + "/{messageId}/cancel", Cancel);
        routes.MapPost(Messages + "/{messageId}/erase", Erase);
    }

    private static async Task<IResult> List(string appId, DashboardContext page)
    {
        if ((await App(page, appId)).Failed(out var app, out var missing))
        {
            return page.Failed(missing);
        }
        var (messages, problem) = await page.Api.Get<Page<MessageResource>>(ListPath(page, appId, "50", page.Asked("cursor")));
        var types = (await page.Api.Get<Page<EventTypeResource>>(PageApi.Query(PageApi.Path("apps", appId, "event-types"), ("limit", "250")))).Value?.Data ?? [];
        return PageResult.Of<MessageList>(
            page, new { App = app, Messages = messages ?? new Page<MessageResource>([], null), Types = types, Problem = problem }, problem?.Status ?? StatusCodes.Status200OK);
    }

    /// <summary>The list's own filters, as the API takes them.</summary>
    private static string ListPath(DashboardContext page, string appId, string limit, string? cursor) => PageApi.Query(
        PageApi.Path("apps", appId, "messages"), ("limit", limit), ("cursor", cursor), ("recipient", page.Asked("recipient")), ("type", page.Asked("type")),
        ("status", page.Asked("status")), ("since", Words.FromInput(page.Asked("since"))), ("until", Words.FromInput(page.Asked("until"))),
        ("q", page.Asked("q")), ("inPayload", page.Asked("q") is null || page.Asked("inPayload") is null ? null : "true"));

    /// <summary>Sends rows as they come and change, until the browser leaves.</summary>
    private static async Task Live(string appId, HttpContext http, DashboardContext page, TimeProvider clock, IHostApplicationLifetime lifetime)
    {
        if ((await App(page, appId)).Failed(out var app, out _))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        await LiveTail.Run(http, clock, async seen =>
        {
            var (messages, _) = await page.Api.Get<Page<MessageResource>>(ListPath(page, appId, "25", null));
            var now = page with { Now = clock.GetUtcNow() };
            var rows = new List<(string Key, string State, Func<Task<string>> Html)>();
            foreach (var message in messages?.Data ?? [])
            {
                rows.Add((message.MessageId, StateOf(message), () => PageResult.RenderPart<MessageRow>(http, now, new { App = app, Message = message, Fresh = !seen.ContainsKey(message.MessageId) })));
            }
            return rows;
        }, over.Token);
    }

    internal static string StateOf(MessageResource message) => message.Status + string.Concat(message.Deliveries.Select(delivery => $"|{delivery.Status}{delivery.AttemptCount}"));

    private static async Task<IResult> Show(string appId, string messageId, DashboardContext page)
    {
        if ((await App(page, appId)).Failed(out var app, out var problem)
            || (await page.Api.Get<MessageResource>(PageApi.Path("apps", appId, "messages", messageId))).Failed(out var message, out problem))
        {
            return page.Failed(problem);
        }
        var attempts = await page.Api.Get<Page<AttemptResource>>(PageApi.Query(PageApi.Path("apps", appId, "messages", messageId, "attempts"), ("limit", MostAttempts)));
        var endpoints = await page.Api.Get<Page<EndpointResource>>(PageApi.Query(PageApi.Path("apps", appId, "endpoints"), ("recipient", message.Recipient), ("limit", "250")));
        return PageResult.Of<MessagePage>(page, new { App = app, Message = message, Attempts = attempts.Value?.Data ?? [], Endpoints = endpoints.Value?.Data ?? [] });
    }

    private static async Task<IResult> ShowSend(string appId, DashboardContext page) => await SendPage(appId, page, null, StatusCodes.Status200OK);

    private static async Task<IResult> Send(string appId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var data = form.Text("data") ?? "{}";
        if (JsonText.Pretty(data) is null)
        {
            return await SendPage(appId, page, form.With(FieldErrors.Of("data", "must be JSON")), StatusCodes.Status400BadRequest);
        }
        // Built as text, so that the data goes out byte for byte as it was entered.
        var body = $$"""{"recipient":{{JsonSerializer.Serialize(form.Text("recipient") ?? "")}},"type":{{JsonSerializer.Serialize(form.Text("type") ?? "")}},"data":{{data}}}""";
        var answer = await page.Api.Post(PageApi.Path("apps", appId, "messages"), body);
        return answer.IsGood
            ? new SeeOtherResult(page.MessageUrl(appId, answer.Read<MessageResource>().MessageId) + "?said=sent")
            : await SendPage(appId, page, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> SendPage(string appId, DashboardContext page, FormState? form, int status) =>
        (await App(page, appId)).Failed(out var app, out var problem) ? page.Failed(problem)
        : PageResult.Of<SendPage>(page, new
        {
            App = app, Form = form,
            Types = (await page.Api.Get<Page<EventTypeResource>>(PageApi.Query(PageApi.Path("apps", appId, "event-types"), ("limit", "250")))).Value?.Data ?? [],
        }, status);

    private static Task<ApiResult<AppResource>> App(DashboardContext page, string appId) => page.Api.Get<AppResource>(PageApi.Path("apps", appId));

    private static async Task<IResult> Replay(string appId, string messageId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        object body = form.Text("endpointId") is { } endpointId ? new { endpointId } : new { };
        return Done(page, appId, messageId, await page.Api.Post(PageApi.Path("apps", appId, "messages", messageId, "replay"), body), "replaying");
    }

    private static async Task<IResult> Cancel(string appId, string messageId, DashboardContext page) =>
        Done(page, appId, messageId, await page.Api.Post(PageApi.Path("apps", appId, "messages", messageId, "cancel")), "canceled");

    private static async Task<IResult> Erase(string appId, string messageId, DashboardContext page) =>
        Done(page, appId, messageId, await page.Api.Delete(PageApi.Path("apps", appId, "messages", messageId, "payload")), "erased");

    private static IResult Done(DashboardContext page, string appId, string messageId, ApiAnswer answer, string said) =>
        answer.IsGood ? new SeeOtherResult($"{page.MessageUrl(appId, messageId)}?said={said}") : page.Failed(answer.Problem!);
}
