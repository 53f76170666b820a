using System.Text.Json;

namespace Hookway.Tests.Support;

/// <summary>What a user does with destinations.</summary>
public static class ForwardingClient
{
    /// <summary>A new destination of a source; answers its id.</summary>
    public static async Task<string> CreateDestination(this TestServer server, JsonElement source, Uri url, object? more = null)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["name"] ??= "Destination";
        body["sourceId"] = source.Id();
        body["endpointUrl"] = url.AbsoluteUri;
        return (await server.Post("/api/v1/ingest/destinations", body)).Expect(201).Text("destinationId");
    }

    /// <summary>A new destination that feeds an app; answers its id.</summary>
    public static async Task<string> CreateFeed(this TestServer server, JsonElement source, string app, object? more = null)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["name"] ??= "Feed";
        body["sourceId"] = source.Id();
        body["appId"] = app;
        return (await server.Post("/api/v1/ingest/destinations", body)).Expect(201).Text("destinationId");
    }

    /// <summary>Waits until an event has a status.</summary>
    public static async Task<JsonElement> WaitForEvent(this TestServer server, string eventId, string status)
    {
        JsonElement last = default;
        await TestServer.Until(async () => (last = await server.Event(eventId)).GetProperty("status").GetString() == status, () => $"The last state was {last}");
        return last;
    }

    public static Task<Answer> ChangeDestination(this TestServer server, string destinationId, object change) => server.Patch($"/api/v1/ingest/destinations/{destinationId}", change);
}
