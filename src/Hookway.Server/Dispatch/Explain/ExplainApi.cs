using System.ComponentModel.DataAnnotations;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Apps;

namespace Hookway.Dispatch.Explain;

/// <summary>The route that says why a recipient did or did not get something.</summary>
public static class ExplainApi
{
    public static void MapExplain(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1/apps/{appId}/recipients/{recipient}/explain").WithTags("Recipients").MapGet("/", Explain).Needs(Scopes.MessageRead)
            .PortalMay(Capabilities.MessagesRead).WithSummary("Explain what a recipient got")
            .WithDescription("Why this recipient did or did not get a message, an event type, or anything: one sentence to send on, and the facts behind it as they were recorded when they happened. "
                + "Also for a recipient that is not known.")
            .WithQuery("type", "string", "Explain messages of this event type.").WithQuery("messageId", "string", "Explain this message.")
            .WithQuery("since", "date-time", "Explain what was sent at or after this time.").TakesOnlyItsQuery().Produces<Explanation>();

    private static async Task<IResult> Explain(string appId, string recipient, HttpRequest request, Caller caller, AppStore apps, Explainer explainer)
    {
        if (await apps.View(caller, appId) is not { App: var app } || app.Hides(recipient))
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var since = request.Time("since", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(await explainer.Explain(new Question(app, recipient, request.Text("type"), request.Text("messageId"), since)));
    }
}

/// <summary>What is asked: why the recipient did or did not get this.</summary>
/// <param name="Since">Unix milliseconds, inclusive; null for all that is kept.</param>
public sealed record Question(App App, string Recipient, string? Type, string? MessageId, long? Since);

/// <summary>Why a recipient did or did not get something.</summary>
/// <param name="Answer">One sentence, to be sent on.</param>
/// <param name="Findings">What it rests on, the newest message first.</param>
public sealed record Explanation(string Answer, IReadOnlyList<Finding> Findings);

/// <summary>One fact behind an explanation.</summary>
/// <param name="Kind">What it is a fact of.</param>
/// <param name="At">When it happened; null for what is so now, and where no time was recorded.</param>
/// <param name="Text">The fact as a sentence.</param>
/// <param name="MessageId">The message it is about.</param>
/// <param name="EndpointId">The endpoint it is about.</param>
/// <param name="AttemptId">The attempt that shows it.</param>
/// <param name="DashboardUrl">The page that shows more; null for a portal session.</param>
public sealed record Finding(
    [property: AllowedValues(
        FindingKinds.Delivered, FindingKinds.Failed, FindingKinds.RefusedAddress, FindingKinds.AbortedByReceiver, FindingKinds.WaitingForRetry, FindingKinds.WaitingForEndpoint,
        FindingKinds.WaitingItsTurn, FindingKinds.Scheduled, FindingKinds.Pending, FindingKinds.Paused, FindingKinds.Canceled, FindingKinds.PayloadErased, FindingKinds.Expired,
        FindingKinds.EndpointDisabled, FindingKinds.EndpointDeleted, FindingKinds.AppArchived, FindingKinds.NotSubscribed, FindingKinds.FilteredOut, FindingKinds.NoEndpoint,
        FindingKinds.NoMessage, FindingKinds.OtherRecipient, FindingKinds.SendRefused, FindingKinds.RecipientUnknown, FindingKinds.RecipientDeleted,
        FindingKinds.EventTypeNotPublished)] string Kind,
    DateTimeOffset? At, string Text, string? MessageId, string? EndpointId, string? AttemptId, string? DashboardUrl);

/// <summary>The kinds of findings.</summary>
public static class FindingKinds
{
    public const string Delivered = "delivered";
    public const string Failed = "failed";
    public const string RefusedAddress = "refused_address";
    public const string AbortedByReceiver = "aborted_by_receiver";
    public const string WaitingForRetry = "waiting_for_retry";
    public const string WaitingForEndpoint = "waiting_for_endpoint";
    public const string WaitingItsTurn = "waiting_its_turn";
    public const string Scheduled = "scheduled";
    public const string Pending = "pending";
    public const string Paused = "paused";
    public const string Canceled = "canceled";
    public const string PayloadErased = "payload_erased";
    public const string Expired = "expired";
    public const string EndpointDisabled = "endpoint_disabled";
    public const string EndpointDeleted = "endpoint_deleted";
    public const string AppArchived = "app_archived";
    public const string NotSubscribed = "not_subscribed";
    public const string FilteredOut = "filtered_out";
    public const string NoEndpoint = "no_endpoint";
    public const string NoMessage = "no_message";
    public const string OtherRecipient = "other_recipient";
    public const string SendRefused = "send_refused";
    public const string RecipientUnknown = "recipient_unknown";
    public const string RecipientDeleted = "recipient_deleted";
    public const string EventTypeNotPublished = "event_type_not_published";
}
