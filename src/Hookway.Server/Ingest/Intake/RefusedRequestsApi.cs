using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Ingest.Sources;

namespace Hookway.Ingest.Intake;

/// <summary>The route of what a source refused.</summary>
public static class RefusedRequestsApi
{
    public static void MapRefusedRequests(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1/ingest/sources/{sourceId}/refused-requests").WithTags("Sources").MapGet("/", List).Needs(Scopes.IngestRead)
            .WithSummary("List refused requests")
            .WithDescription("The last 1,000 requests to a source that were not taken into the ledger (too large, too many, or signed by a certificate that could not be fetched), newest first. Requests with a wrong signature are in the ledger.")
            .Paged().Produces<RefusedRequestList>();

    private static async Task<IResult> List(string sourceId, HttpRequest request, Caller caller, SourceStore sources, RefusedRequests refused, RefusedRequestStore store)
    {
        if (await sources.Find(caller.WorkspaceNo, sourceId) is not { } source)
        {
            return Problem.NotFound("source");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "refused-requests", errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        await refused.Flush();
        var found = page.Of(await store.List(source, page.Before, page.Rows), item => item.No, RefusedRequestResource.Of);
        var counts = await store.Counts(source);
        return TypedResults.Ok(new RefusedRequestList(found.Data, found.NextCursor, counts.Values.Sum(), counts));
    }
}

/// <summary>A page of refused requests.</summary>
/// <param name="Total">How many there were in all.</param>
/// <param name="Counts">The same by code.</param>
public sealed record RefusedRequestList(IReadOnlyList<RefusedRequestResource> Data, string? NextCursor, long Total, IReadOnlyDictionary<string, long> Counts);

/// <summary>A refused request, as the API shows it.</summary>
/// <param name="Status">What it was answered with.</param>
/// <param name="Code">Why, as a stable code.</param>
/// <param name="Detail">The same as a sentence.</param>
public sealed record RefusedRequestResource(DateTimeOffset RefusedAt, string Method, string? SourceIp, int Status, string Code, string Detail, string RequestId)
{
    public static RefusedRequestResource Of(RefusedRequest refused) => new(
        refused.At, refused.Method, refused.SourceIp, refused.Status, refused.Code, refused.Detail, refused.RequestId);
}
