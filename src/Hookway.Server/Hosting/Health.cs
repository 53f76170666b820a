using Dapper;
using Hookway.Storage;

namespace Hookway.Hosting;

/// <summary>Whether the process lives (<c>/healthz</c>) and whether it can accept (<c>/readyz</c>).</summary>
public static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => TypedResults.Text("ok")).ExcludeFromDescription();
        routes.MapGet("/readyz", Ready).ExcludeFromDescription();
    }

    /// <summary>Reads and writes; a store that cannot is a 503 by the pipeline.</summary>
    private static async Task<IResult> Ready(Readiness readiness)
    {
        await readiness.Check();
        return TypedResults.Text("ready");
    }
}

/// <summary>Asks the store whether it reads and writes, once for all who want to know in the same second: probes cost no more the more there are.</summary>
public sealed class Readiness(Database database, StoreSettings store, TimeProvider clock)
{
    private static readonly TimeSpan IsFreshFor = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Task? _last;
    private long _askedAt;

    /// <summary>Fails with <see cref="StorageUnavailableException"/> when it does not.</summary>
    public Task Check()
    {
        lock (_gate)
        {
            if (_last is null || (_last.IsCompleted && clock.GetElapsedTime(_askedAt) >= IsFreshFor))
            {
                _askedAt = clock.GetTimestamp();
                _last = Ask();
            }
            return _last;
        }
    }

    private async Task Ask()
    {
        await database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT 1"));
        await store.Probe();
    }
}
