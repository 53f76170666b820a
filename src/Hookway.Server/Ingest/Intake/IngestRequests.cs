using Hookway.Api;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Ingest.Intake;

/// <summary>
/// Requests of vendors: lets in who has the token, reads, verifies and keeps what came, and answers as the vendor expects. What memory says is judged again in the
/// transaction that keeps it; what memory refuses is judged again by what was changed elsewhere since memory was read.
/// </summary>
public sealed class IngestRequests(
    SourceStore sources, IngestOptions options, EventIntake intake, RefusedRequests refused, SourceRate rate, Certificates certificates, SubscriptionVisit visit,
    PublicAddress address, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const int MostTries = 5;

    /// <summary>Takes one request to an ingest URL.</summary>
    public async Task<IResult> Receive(HttpContext http, string sourceId, string token)
    {
        var version = configuration.Version;
        var view = await Open(sourceId, token);
        if (view is null)
        {
            // It may have been made, or its token rotated, on another node a moment ago.
            await configuration.CatchUp();
            version = configuration.Version;
            view = await Open(sourceId, token);
        }
        if (view is null)
        {
            return Problem.Of(StatusCodes.Status404NotFound, "not_found", "There is no such ingest URL.");
        }
        if (rate.Take(view.Source) is { } limited)
        {
            return Refuse(http, view.Source, limited);
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } most)
        {
            // The limit below is the one that holds, and says so.
            most.MaxRequestBodySize = null;
        }
        var (body, tooLarge) = await JsonInput.ReadBytes(http, options.BodyBytes, "The request body");
        if (tooLarge is not null)
        {
            return Refuse(http, view.Source, tooLarge);
        }
        for (var tries = 1; tries <= MostTries; tries++)
        {
            if (await Judge(http, view, version, token, body) is { } result)
            {
                return result;
            }
            await configuration.CatchUp();
            version = configuration.Version;
            if (await Open(sourceId, token) is not { } again)
            {
                return Problem.Of(StatusCodes.Status404NotFound, "not_found", "There is no such ingest URL.");
            }
            view = again;
        }
        throw new StorageUnavailableException("The source is being changed faster than a request to it can be judged.");
    }

    private async ValueTask<SourceView?> Open(string sourceId, string token) =>
        IsSourceId(sourceId) && await sources.Receiving(sourceId) is { Source.ArchivedAt: null } view && view.Source.IsOpenedBy(token, clock.GetUtcNow()) ? view : null;

    /// <summary>Only what can be one is looked for in the store.</summary>
    private static bool IsSourceId(string text) => text.Length == 30 && text.StartsWith(IdPrefix.Source + "_", StringComparison.Ordinal);

    /// <summary>The answer to a request; null when the source has changed and it is to be judged again.</summary>
    private async Task<IResult?> Judge(HttpContext http, SourceView view, long version, string token, ReadOnlyMemory<byte> body)
    {
        var request = RequestOf(http, view.Source, token, body);
        var verdict = view.Verifier.Verify(request, certificates.Find);
        if (verdict.Certificate is { } needed && await certificates.Fetch(view.Source.No, needed, view.Preset.Scheme.Certificate!))
        {
            verdict = view.Verifier.Verify(request, certificates.Find);
        }
        if (verdict.Certificate is not null)
        {
            // It may be genuine: nothing is kept, and the vendor sends it again.
            return await HasChanged(version) ? null : Refuse(http, view.Source, Unavailable("The vendor's certificate could not be fetched; send the request again."));
        }
        var handshake = Handshake.Find(view.Preset, request, verdict, view.Source.Settings.Secrets, token);
        if (handshake is { OfferedSecret: { } offered } && !await TakeSecret(view.Source, offered))
        {
            handshake = null;
        }
        if (handshake is { IsEvent: false })
        {
            return handshake.OfferedSecret is null && await HasChanged(version) ? null : Answer(handshake.Answer);
        }
        if (handshake is not null && verdict.Status is SignatureStatus.Failed)
        {
            verdict = Verdict.Unchecked(VerdictReasons.NotSigned, "The vendor does not sign this request, by which it checks the URL.");
        }
        var received = new ReceivedEvent(
            view, version, ids.New(IdPrefix.Event), request, QueryOf(http), SourceIpOf(http), verdict, EventFacts.Of(view.Preset, request))
        {
            BringsSecret = handshake?.OfferedSecret is not null,
        };
        var outcome = await intake.Keep(received);
        if (outcome.IsOutdated)
        {
            return null;
        }
        if (handshake is not null)
        {
            return handshake.Visit is { } url && !await visit.Confirm(view.Source, url)
                ? Unavailable("The subscription could not be confirmed; send the request again.")
                : Answer(handshake.Answer);
        }
        return AnswerTo(received, outcome);
    }

    private static IResult AnswerTo(ReceivedEvent received, EventOutcome outcome)
    {
        var verdict = outcome.Reused ?? received.Verdict;
        if (verdict.Status is SignatureStatus.Failed)
        {
            return received.View.Preset.Refused is { } refusal && refusal.For(received.Request, default) is { } refused
                ? Answer(refused)
                : Problem.Of(StatusCodes.Status401Unauthorized, "signature_failed", verdict.Sentence);
        }
        if (received.View.Preset.Accepted is { } wanted && wanted.For(received.Request, default) is { } ready)
        {
            return Answer(ready);
        }
        return TypedResults.Ok(new ReceivedResource(received.EventId, outcome.IsDuplicate));
    }

    private static Problem Unavailable(string detail) => Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", detail);

    private static IngestAnswer Answer(ReadyAnswer ready) => new(ready);

    /// <summary>Whether the source has the secret that its vendor brings: it takes the first, and no other.</summary>
    private async Task<bool> TakeSecret(Source source, string secret)
    {
        if (source.Settings.Secrets.Count > 0)
        {
            return source.Settings.Secrets.Contains(secret);
        }
        var taken = await sources.Update(
            source.WorkspaceNo, new Actor(source.Settings.Vendor, "The vendor's handshake"), "source.secret_received", source.SourceId,
            found => found.Settings.Secrets.Count == 0 ? found with { Settings = found.Settings with { Secrets = [secret] } } : null);
        return taken is not null || (await sources.Receiving(source.SourceId))?.Source.Settings.Secrets.Contains(secret) == true;
    }

    /// <summary>An answer that no transaction judges must know what was changed before the request.</summary>
    private async Task<bool> HasChanged(long version)
    {
        await configuration.CatchUp();
        return configuration.Version != version;
    }

    private Problem Refuse(HttpContext http, Source source, Problem problem)
    {
        refused.Note(source, problem, http.Request.Method, SourceIpOf(http), http.TraceIdentifier);
        return problem;
    }

    private VendorRequest RequestOf(HttpContext http, Source source, string token, ReadOnlyMemory<byte> body)
    {
        var url = source.Settings.PublicUrl ?? $"{address.Of(http.Request)}/ingest/{source.SourceId}/{token}";
        return new VendorRequest(
            http.Request.Method, VendorRequest.UrlAsCalled(url, QueryOf(http)),
            [.. http.Request.Headers.SelectMany(header => header.Value.Select(value => KeyValuePair.Create(header.Key, value ?? "")))], body, clock.GetUtcNow());
    }

    /// <summary>The query as it was sent.</summary>
    private static string QueryOf(HttpContext http)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        return target.IndexOf('?', StringComparison.Ordinal) is var at and >= 0 ? target[(at + 1)..] : "";
    }

    private static string? SourceIpOf(HttpContext http) => http.Connection.RemoteIpAddress is { } ip ? (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString() : null;
}

/// <summary>An answer as a vendor expects it.</summary>
internal sealed class IngestAnswer(ReadyAnswer ready) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = ready.Status;
        response.Headers.XContentTypeOptions = "nosniff";
        foreach (var (name, value) in ready.Headers)
        {
            response.Headers[name] = value;
        }
        if (ready.ContentType is not null)
        {
            response.ContentType = ready.ContentType;
        }
        response.ContentLength = ready.Status is StatusCodes.Status204NoContent ? null : ready.Body.Length;
        if (ready.Body.Length > 0 && !HttpMethods.IsHead(httpContext.Request.Method))
        {
            await response.Body.WriteAsync(ready.Body);
        }
    }
}
