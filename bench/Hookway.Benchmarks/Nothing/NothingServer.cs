using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Hosting;
using Hookway.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Hookway.Benchmarks.Nothing;

/// <summary>Hookway as it is, but with a store that keeps nothing, as a process of its own.</summary>
public static class NothingServer
{
    // What does not fit in memory would wait in the store, and there is none.
    private const int Unbounded = 10_000_000;

    /// <summary>Serves until the process is ended.</summary>
    public static async Task Run(string folder, string port)
    {
        var settings = ServerSettings.From(new ConfigurationBuilder().AddEnvironmentVariables().AddInMemoryCollection(
            [new("Hookway:DataFolder", folder), new("Urls", $"http://127.0.0.1:{port}")]).Build());
        await using var app = ServerHost.Build(settings, replace: services =>
        {
            services.RemoveAll<Database>();
            services.AddSingleton<Database>(_ => new NothingDatabase(settings.DataFolder));
            services.RemoveAll<DeliveryOptions>();
            services.AddSingleton(settings.Deliveries with { ReadyPerTarget = Unbounded, ReadyInAll = Unbounded, ReadyContentBytes = long.MaxValue });
        });
        await ServerHost.OpenStore(app.Services);
        await app.Services.GetRequiredService<FirstStart>().Prepare(settings.BootstrapApiKey);
        await app.RunAsync();
    }
}
