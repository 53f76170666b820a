using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Apps;

namespace Hookway.Dispatch.Refusals;

/// <summary>The route of what was refused.</summary>
public static class RefusedSendsApi
{
    public static void MapRefusedSends(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1/apps/{appId}/refused-messages").WithTags("Messages").MapGet("/", List).Needs(Scopes.MessageRead)
            .WithSummary("List refused messages").WithDescription("The last 1,000 sends that were refused, newest first, without what they carried; and how many there were in all.")
            .Paged().WithQuery("recipient", "string", "Only those to this recipient.").WithQuery("type", "string", "Only those of this event type.")
            .WithQuery("since", "date-time", "Only those refused at or after this time.").Produces<RefusedMessages>();

    private static async Task<IResult> List(string appId, HttpRequest request, Caller caller, AppStore apps, RefusedSends refused, RefusedSendStore store)
    {
        if (await apps.View(caller, appId) is not { App: var app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "refused-messages", errors);
        var since = request.Time("since", errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        await refused.Flush();
        var shown = page.Of(await store.List(app, request.Text("recipient"), request.Text("type"), since, page.Before, page.Rows), item => item.No, RefusedMessageResource.Of);
        var counts = await store.Counts(app);
        return TypedResults.Ok(new RefusedMessages(shown.Data, shown.NextCursor, counts.Values.Sum(), counts));
    }
}

/// <summary>A page of refused sends, and how many there were.</summary>
/// <param name="Total">All sends that the app has refused since it was made, also those that are not kept.</param>
/// <param name="Counts">The same by <c>code</c>.</param>
public sealed record RefusedMessages(IReadOnlyList<RefusedMessageResource> Data, string? NextCursor, long Total, IReadOnlyDictionary<string, long> Counts);

/// <summary>A send that was refused, as the API shows it.</summary>
/// <param name="Recipient">As it was given, or found by a routing key; null when it could not be read.</param>
/// <param name="Type">As it was given; null when it could not be read.</param>
/// <param name="MessageId">The caller's own id, when one was given.</param>
/// <param name="Status">The HTTP status of the answer; of one item of a batch, that of its problem.</param>
/// <param name="Code">The code of the problem that was answered.</param>
/// <param name="RequestId">The request's, as in the answer's <c>Request-Id</c>.</param>
public sealed record RefusedMessageResource(
    DateTimeOffset RefusedAt, string? Recipient, string? Type, string? MessageId, int Status, string Code, string Detail, string RequestId)
{
    public static RefusedMessageResource Of(RefusedSend refused) => new(
        refused.At, refused.Recipient, refused.Type, refused.MessageId, refused.Status, refused.Code, refused.Detail, refused.RequestId);
}
