namespace Hookway.Ingest.Intake;

/// <summary>The route that vendors call. It asks for no API key: the token in its path is the authority.</summary>
public static class IngestApi
{
    public static void MapIngest(this IEndpointRouteBuilder routes) => routes.Map("/ingest/{sourceId}/{token}", Receive).ExcludeFromDescription();

    private static Task<IResult> Receive(string sourceId, string token, HttpContext http, IngestRequests requests) => requests.Receive(http, sourceId, token);
}

/// <summary>The answer to an event, once it is durable.</summary>
public sealed record ReceivedResource(string EventId, bool Duplicate);
