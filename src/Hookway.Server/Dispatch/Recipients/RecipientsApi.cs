using System.Runtime.InteropServices;
using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;

namespace Hookway.Dispatch.Recipients;

/// <summary>The routes of recipients.</summary>
public static class RecipientsApi
{
    public static void MapRecipients(this IEndpointRouteBuilder routes)
    {
        var recipients = routes.MapGroup("/api/v1/apps/{appId}/recipients").WithTags("Recipients");
        recipients.MapPut("/{recipient}", Put).Needs(Scopes.RecipientWrite).WithSummary("Create or replace a recipient")
            .WithDescription("Answers 200 when the recipient was there before.").Accepts<PutRecipient>("application/json")
            .Produces<RecipientResource>(StatusCodes.Status201Created).Produces<RecipientResource>();
        recipients.MapGet("/", List).Needs(Scopes.RecipientRead).WithSummary("List recipients").Paged()
            .WithQuery("q", "string", "Only those whose id or name begins with this.").Produces<Page<RecipientResource>>();
        recipients.MapGet("/{recipient}", Get).Needs(Scopes.RecipientRead).WithSummary("Fetch a recipient").Produces<RecipientResource>();
        recipients.MapDelete("/{recipient}", Delete).Needs(Scopes.RecipientWrite).WithSummary("Delete a recipient")
            .WithDescription("Its endpoints are removed and its pending deliveries canceled; with purge=true its messages are erased as well, also those of a recipient deleted before.")
            .WithQuery("purge", "boolean", "Also erase its messages, with their attempts.").TakesOnlyItsQuery().Produces<RecipientResource>();
    }

    private static async Task<IResult> Put(string appId, string recipient, HttpContext http, Caller caller, AppStore apps, RecipientStore store)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app })
        {
            return Problem.NotFound("app");
        }
        var (input, problem) = await JsonInput.Read<PutRecipient>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        var metadata = input.Metadata is { ValueKind: not JsonValueKind.Null } given ? JsonMarshal.GetRawUtf8Value(given).ToArray() : null;
        var errors = new FieldErrors();
        if (!Recipient.IsId(recipient))
        {
            errors.Add("recipient", Recipient.IdForm);
        }
        if (input.Name?.Length > Recipient.MostNameCharacters)
        {
            errors.Add("name", Recipient.NameForm);
        }
        if (metadata is not null && (input.Metadata!.Value.ValueKind is not JsonValueKind.Object || metadata.Length > Recipient.MostMetadataBytes))
        {
            errors.Add("metadata", $"must be a JSON object of at most {Recipient.MostMetadataBytes} bytes");
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var (saved, created) = await store.Put(app, caller.Actor, recipient, input.Name, metadata);
        return created
            ? TypedResults.Created($"/api/v1/apps/{appId}/recipients/{Uri.EscapeDataString(recipient)}", RecipientResource.Of(saved))
            : TypedResults.Ok(RecipientResource.Of(saved));
    }

    private static async Task<IResult> List(string appId, HttpRequest request, Caller caller, AppStore apps, RecipientStore store)
    {
        if (await apps.View(caller, appId) is not { App: var app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "recipients", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(app, request.Text("q"), page.Before, page.Rows), item => item.No, RecipientResource.Of));
    }

    private static async Task<IResult> Get(string appId, string recipient, Caller caller, AppStore apps, RecipientStore store) =>
        await apps.View(caller, appId) is not { App: var app } ? Problem.NotFound("app")
        : await store.Find(app, recipient) is { } found ? TypedResults.Ok(RecipientResource.Of(found))
        : Problem.NotFound("recipient");

    private static async Task<IResult> Delete(
        string appId, string recipient, HttpRequest request, Caller caller, AppStore apps, RecipientStore store, EndpointRemoval removal, MessageErasure erasure)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var purge = request.Flag("purge", errors) ?? false;
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        // A purge that was cut short, or comes after a plain delete, finds the recipient deleted already.
        if (await (purge ? store.FindWithDeleted(app, recipient) : store.Find(app, recipient)) is not { } found)
        {
            return Problem.NotFound("recipient");
        }
        var lastSeq = await removal.RemoveRecipient(app, caller.Actor, found, purge);
        if (purge)
        {
            await erasure.EraseRecipient(found, lastSeq);
            await store.Erase(app, found);
        }
        return TypedResults.Ok(RecipientResource.Of(found with { EndpointCount = 0 }));
    }
}

/// <summary>The body of "create or replace a recipient".</summary>
/// <param name="Name">At most 200 characters.</param>
/// <param name="Metadata">A JSON object of the caller's own, at most 16 KiB.</param>
public sealed record PutRecipient(string? Name, JsonElement? Metadata) : IRequestBody;

/// <summary>A recipient, as the API shows it.</summary>
/// <param name="EndpointCount">Its endpoints that are not deleted.</param>
public sealed record RecipientResource(
    string Recipient, string? Name, JsonElement? Metadata, int EndpointCount, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static RecipientResource Of(Recipient recipient) => new(
        recipient.Id, recipient.Name, RawJson.Element(recipient.Metadata), recipient.EndpointCount, recipient.CreatedAt, recipient.UpdatedAt);
}
