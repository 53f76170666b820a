using Hookway.Api;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;

namespace Hookway.Ui;

/// <summary>The last attempts of a few endpoints, for a glance at each in their list.</summary>
public static class EndpointHealth
{
    private const int MostEndpoints = 10;
    private const string MostAttempts = "40";

    /// <summary>By the endpoint's id; those beyond the first few are left out.</summary>
    public static async Task<IReadOnlyDictionary<string, IReadOnlyList<AttemptResource>>> Read(PageApi api, IEnumerable<EndpointResource> endpoints)
    {
        var health = new Dictionary<string, IReadOnlyList<AttemptResource>>();
        foreach (var endpoint in endpoints.Take(MostEndpoints))
        {
            var path = PageApi.Query(PageApi.Path("apps", endpoint.AppId, "endpoints", endpoint.EndpointId, "attempts"), ("limit", MostAttempts));
            health[endpoint.EndpointId] = (await api.Get<Page<AttemptResource>>(path)).Value?.Data ?? [];
        }
        return health;
    }
}
