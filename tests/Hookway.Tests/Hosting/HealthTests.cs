using Dapper;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Hosting;

public class HealthTests
{
    [Fact]
    public async Task A_server_whose_store_cannot_be_written_is_not_ready()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        (await server.Get("/readyz", key: null)).Expect(200);
        var database = server.Services.GetRequiredService<Database>();

        await database.Write(session => session.Connection.ExecuteAsync("PRAGMA query_only = ON"));
        clock.Advance(TimeSpan.FromSeconds(1));
        (await server.Get("/readyz", key: null)).ExpectCode(503, "unavailable");
        (await server.Get("/healthz", key: null)).Expect(200);
    }

    [Fact]
    public async Task Being_ready_is_shown_by_a_row_that_was_written()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        // On a full disk a transaction that writes nothing still commits.
        (await Written(server)).ShouldBe(null);
        (await server.Get("/readyz", key: null)).Expect(200);
        (await Written(server)).ShouldBe(clock.GetUtcNow().ToUnixTimeMilliseconds());
        clock.Advance(TimeSpan.FromSeconds(1));
        (await server.Get("/readyz", key: null)).Expect(200);
        (await Written(server)).ShouldBe(clock.GetUtcNow().ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task Probes_within_a_second_share_one_write()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var readiness = server.Services.GetRequiredService<Readiness>();

        var first = readiness.Check();
        readiness.Check().ShouldBeSameAs(first);
        await first;
        clock.Advance(TimeSpan.FromMilliseconds(999));
        readiness.Check().ShouldBeSameAs(first);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        readiness.Check().ShouldNotBeSameAs(first);
    }

    private static async Task<long?> Written(TestServer server) =>
        await server.Services.GetRequiredService<Database>().Read(connection =>
            connection.QuerySingleOrDefaultAsync<byte[]>("SELECT value FROM settings WHERE name = 'last_probe'")) is { } value ? BitConverter.ToInt64(value) : null;
}
