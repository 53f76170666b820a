using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Hosting;

/// <summary>
/// The web server, which gives requests in flight a few seconds to end when it stops. By itself it would give them all of the host's time, and one slow upload
/// would leave none for the deliveries that are under way.
/// </summary>
internal sealed class PromptServer(IServer inner, TimeProvider clock) : IServer
{
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(5);

    public IFeatureCollection Features => inner.Features;

    /// <summary>Puts it around the server that is registered.</summary>
    public static void Wrap(IServiceCollection services)
    {
        var server = services.Single(service => service.ServiceType == typeof(IServer));
        services.Remove(server);
        services.AddSingleton<IServer>(provider => new PromptServer(
            (IServer)ActivatorUtilities.CreateInstance(provider, server.ImplementationType!), provider.GetRequiredService<TimeProvider>()));
    }

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken) where TContext : notnull =>
        inner.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(TimeToEnd, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        await inner.StopAsync(either.Token);
    }

    public void Dispose() => inner.Dispose();
}
