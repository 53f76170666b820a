using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries.Stats;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Replays;

namespace Hookway.Dispatch.Endpoints;

/// <summary>The routes of endpoints.</summary>
public static class EndpointsApi
{
    public static void MapEndpoints(this IEndpointRouteBuilder routes)
    {
        var endpoints = routes.MapGroup("/api/v1/apps/{appId}/endpoints").WithTags("Endpoints");
        endpoints.MapPost("/", Create).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.EndpointsWrite).WithSummary("Create an endpoint")
            .WithDescription("The only answer, beside that of the secret route, that shows the secret.").Accepts<CreateEndpoint>("application/json")
            .Produces<EndpointWithSecret>(StatusCodes.Status201Created);
        endpoints.MapGet("/", List).Needs(Scopes.EndpointRead).PortalMay(Capabilities.EndpointsRead).WithSummary("List endpoints").Paged()
            .WithQuery("recipient", "string", "Only those of this recipient.").WithQuery("enabled", "boolean", "Only those that are, or are not.").Produces<Page<EndpointResource>>();
        endpoints.MapGet("/{endpointId}", Get).Needs(Scopes.EndpointRead).PortalMay(Capabilities.EndpointsRead).WithSummary("Fetch an endpoint").Produces<EndpointResource>();
        endpoints.MapPatch("/{endpointId}", Change).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.EndpointsWrite).WithSummary("Change an endpoint")
            .WithDescription("URL, headers, retry and rate changes hold from the next attempt of pending deliveries; filter and event types for new messages.")
            .Accepts<ChangeEndpoint>("application/json").Produces<EndpointResource>();
        endpoints.MapDelete("/{endpointId}", Delete).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.EndpointsWrite).WithSummary("Delete an endpoint")
            .WithDescription("Its pending deliveries are canceled; its history stays.").Produces<EndpointResource>();
        endpoints.MapGet("/{endpointId}/secret", GetSecret).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.SecretsRead).WithSummary("Reveal the signing secret").Produces<EndpointSecret>();
        endpoints.MapPost("/{endpointId}/rotate-secret", Rotate).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.SecretsRotate).WithSummary("Rotate the signing secret")
            .WithDescription("Until the grace ends, every request carries a signature by the new and by the old secret.")
            .Accepts<RotateSecret>("application/json").Produces<RotatedSecret>();
        endpoints.MapPost("/{endpointId}/test", Test).Needs(Scopes.EndpointWrite).PortalMay(Capabilities.EndpointsWrite).WithSummary("Send a test message")
            .WithDescription("The event type's example payload, to this endpoint alone.")
            .Accepts<TestEndpoint>("application/json").Produces<MessageResource>(StatusCodes.Status202Accepted);
        endpoints.MapPost("/{endpointId}/replay", Replay).Needs(Scopes.MessageWrite).PortalMay(Capabilities.MessagesReplay).WithSummary("Replay to an endpoint")
            .WithDescription(
                "Delivers again, in the background and oldest first, what the endpoint did not get since a time, what it was never sent, or all of it. 202 means that the replay is durable; " +
                "it goes on after a restart, and its counts say how far it has come.")
            .Accepts<ReplayEndpoint>("application/json").Produces<ReplayResource>(StatusCodes.Status202Accepted);
        endpoints.MapGet("/{endpointId}/stats", Stats).Needs(Scopes.EndpointRead).PortalMay(Capabilities.EndpointsRead).WithSummary("Fetch an endpoint's stats")
            .WithDescription("Deliveries and attempts by what they came to, the success rate and latency percentiles, in all and in the course of time; also of an endpoint that was deleted.")
            .WithQuery("since", "date-time", "Only what ended in or after the five minutes of this time; default 24 hours ago.").TakesOnlyItsQuery()
            .Produces<TargetStats>();
        endpoints.MapGet("/{endpointId}/attempts", Attempts).Needs(Scopes.MessageRead).PortalMay(Capabilities.MessagesRead).WithSummary("List an endpoint's attempts")
            .WithDescription("Newest first; also of an endpoint that was deleted.").Paged()
            .WithQuery("status", "string", "Only those that succeeded, or failed.", "succeeded", "failed")
            .WithQuery("since", "date-time", "Only those that began at or after this time.").WithQuery("until", "date-time", "Only those that began before this time.")
            .Produces<Page<AttemptResource>>();
    }

    private static async Task<IResult> Create(string appId, HttpContext http, Caller caller, AppStore apps, EndpointStore store, EndpointRules rules)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app })
        {
            return Problem.NotFound("app");
        }
        var (input, problem) = await JsonInput.Read<CreateEndpoint>(http);
        if (input is null)
        {
            return problem!;
        }
        if (app.Hides(input.Recipient))
        {
            return Problem.NotFound("recipient");
        }
        var recipient = app.OnlyRecipient ?? input.Recipient;
        var errors = new FieldErrors();
        if (!Recipient.IsId(recipient))
        {
            errors.Add("recipient", "is required; it " + Recipient.IdForm);
        }
        if (app.OnlyRecipient is not null && input.RecipientName is not null)
        {
            errors.Add("recipientName", "is not for the recipient itself to set");
        }
        if (input.RecipientName?.Length > Recipient.MostNameCharacters)
        {
            errors.Add("recipientName", Recipient.NameForm);
        }
        var settings = input.ToSettings(errors);
        var secret = EndpointRules.SecretOf(input.Secret, input.Signature, errors);
        await rules.Check(settings, urlIsNew: true, errors, http.RequestAborted);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        (var endpoint, problem) = await store.Create(app, caller.Actor, recipient!, input.RecipientName, settings, secret!);
        return endpoint is null ? problem! : TypedResults.Created($"/api/v1/apps/{appId}/endpoints/{endpoint.EndpointId}", EndpointWithSecret.Of(endpoint));
    }

    private static async Task<IResult> List(string appId, HttpRequest request, Caller caller, AppStore apps, EndpointStore store)
    {
        if (await apps.View(caller, appId) is not { App: var app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "endpoints", errors);
        var enabled = request.Flag("enabled", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(
                await store.List(app, request.Text("recipient"), enabled, page.Before, page.Rows), endpoint => endpoint.No, EndpointResource.Of));
    }

    private static async Task<IResult> Get(string appId, string endpointId, Caller caller, AppStore apps, EndpointStore store) =>
        await apps.View(caller, appId) is { App: var app } && await store.Find(app, endpointId) is { } endpoint
            ? TypedResults.Ok(EndpointResource.Of(endpoint))
            : Problem.NotFound("endpoint");

    private static async Task<IResult> Change(
        string appId, string endpointId, HttpContext http, Caller caller, AppStore apps, EndpointStore store, EndpointRules rules, EndpointRemoval removal)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app } || await store.Find(app, endpointId) is not { } old)
        {
            return Problem.NotFound("endpoint");
        }
        var (input, problem) = await JsonInput.Read<ChangeEndpoint>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        var wanted = input.Apply(old.Settings, errors);
        if (!errors.Any)
        {
            await rules.Check(wanted, input.Url.IsSet, errors, http.RequestAborted);
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        if (wanted.Enabled && !old.Settings.Enabled)
        {
            // What was pending when it was disabled is over, also if the step that ended it was cut short.
            await removal.EndAll(old.No);
        }
        var refusal = new FieldErrors();
        var changed = await store.Update(app, caller.Actor, "endpoint.updated", endpointId, endpoint =>
        {
            refusal = new FieldErrors();
            var settings = input.Apply(endpoint.Settings, refusal);
            CustomHeaders.Check(settings.Headers, refusal);
            return refusal.Any ? null : endpoint with
            {
                Settings = settings,
                DisabledReason = settings.Enabled ? null : endpoint.DisabledReason ?? "Disabled through the API.",
            };
        });
        if (changed is null)
        {
            return refusal.Any ? Problem.Invalid(refusal) : Problem.NotFound("endpoint");
        }
        if (!changed.Settings.Enabled)
        {
            await removal.EndOrLeave(changed.No);
        }
        return TypedResults.Ok(EndpointResource.Of(changed));
    }

    private static async Task<IResult> Delete(string appId, string endpointId, Caller caller, AppStore apps, EndpointRemoval removal) =>
        await apps.View(caller, appId) is { App: { ArchivedAt: null } app } && await removal.Remove(app, caller.Actor, endpointId) is { } removed
            ? TypedResults.Ok(EndpointResource.Of(removed))
            : Problem.NotFound("endpoint");

    private static async Task<IResult> GetSecret(string appId, string endpointId, Caller caller, AppStore apps, EndpointStore store, TimeProvider clock) =>
        await apps.View(caller, appId) is { App: var app } && await store.Find(app, endpointId) is { } endpoint
            ? TypedResults.Ok(new EndpointSecret(
                SignatureNames.Shown(endpoint.Secret),
                [.. endpoint.PreviousSecrets.Where(previous => previous.ExpiresAt > clock.GetUtcNow()).Select(previous => new PreviousSecretResource(previous.ExpiresAt))]))
            : Problem.NotFound("endpoint");

    private static async Task<IResult> Rotate(string appId, string endpointId, HttpContext http, Caller caller, AppStore apps, EndpointStore store, TimeProvider clock)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app } || await store.Find(app, endpointId) is not { } old)
        {
            return Problem.NotFound("endpoint");
        }
        var (input, problem) = await JsonInput.Read<RotateSecret>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        var secret = EndpointRules.SecretOf(input.Secret, input.Signature ?? SignatureNames.Of(old.Secret.Scheme), errors);
        var grace = input.GracePeriodSeconds ?? RotateSecret.DefaultGraceSeconds;
        if (grace is < 0 or > RotateSecret.MostGraceSeconds)
        {
            errors.Add("gracePeriodSeconds", $"must be from 0 to {RotateSecret.MostGraceSeconds}");
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var now = clock.GetUtcNow();
        var until = now + TimeSpan.FromSeconds(grace);
        var rotated = await store.Update(app, caller.Actor, "endpoint.secret_rotated", endpointId, endpoint => endpoint with
        {
            Secret = secret!,
            PreviousSecrets = grace == 0 ? [] :
            [
                new PreviousSecret(endpoint.Secret, until),
                .. endpoint.PreviousSecrets.Where(previous => previous.ExpiresAt > now).Take(RotateSecret.MostPrevious - 1),
            ],
        });
        return rotated is null
            ? Problem.NotFound("endpoint")
            : TypedResults.Ok(new RotatedSecret(SignatureNames.Shown(rotated.Secret), grace == 0 ? null : until));
    }

    private static async Task<IResult> Test(string appId, string endpointId, HttpContext http, Caller caller, AppStore apps, EventTypeStore types, EndpointStore store, MessageIntake intake)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } } view || await store.Find(view.App, endpointId) is not { } endpoint)
        {
            return Problem.NotFound("endpoint");
        }
        var (input, problem) = await JsonInput.Read<TestEndpoint>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        var type = input.Type is null ? null : await types.Find(view.App, input.Type);
        return await intake.SendTest(caller, view, endpoint, type?.ExamplePayload, input.Type);
    }

    private static async Task<IResult> Replay(
        string appId, string endpointId, HttpContext http, Caller caller, AppStore apps, EndpointStore store, EndpointReplay replay)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app } || await store.Find(app, endpointId) is not { } endpoint)
        {
            return Problem.NotFound("endpoint");
        }
        var (input, problem) = await JsonInput.Read<ReplayEndpoint>(http);
        return input is null ? problem! : await replay.Begin(app, endpoint, input);
    }

    private static async Task<IResult> Stats(
        string appId, string endpointId, HttpRequest request, Caller caller, AppStore apps, EndpointStore store, TargetStatStore stats, TimeProvider clock)
    {
        if (await apps.View(caller, appId) is not { App: var app } || await store.FindWithDeleted(app, endpointId) is not { } endpoint)
        {
            return Problem.NotFound("endpoint");
        }
        var errors = new FieldErrors();
        var since = request.Time("since", errors) is { } asked ? DateTimeOffset.FromUnixTimeMilliseconds(asked) : clock.GetUtcNow().AddDays(-1);
        return errors.Any ? Problem.Invalid(errors) : TypedResults.Ok(await stats.Sum(endpoint.No, endpoint.Settings.Paused, since));
    }

    private static async Task<IResult> Attempts(
        string appId, string endpointId, HttpRequest request, Caller caller, AppStore apps, EndpointStore store, MessageReader reader)
    {
        if (await apps.View(caller, appId) is not { App: var app } || await store.FindWithDeleted(app, endpointId) is not { } endpoint)
        {
            return Problem.NotFound("endpoint");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "endpoint-attempts", errors);
        var filter = new AttemptFilter(AttemptResource.SucceededOf(request.Text("status"), errors), request.Time("since", errors), request.Time("until", errors));
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await reader.AttemptsOf(app, endpoint, filter, page.Before, page.Rows), item => item.Attempt.Seq, item => item.Resource));
    }
}
