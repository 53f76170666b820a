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

    /// <summary>Reads and commits; a store that cannot is a 503 by the pipeline.</summary>
    private static async Task<IResult> Ready(Database database)
    {
        await database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT 1"));
        await database.Write(_ => Task.FromResult(0));
        return TypedResults.Text("ready");
    }
}
