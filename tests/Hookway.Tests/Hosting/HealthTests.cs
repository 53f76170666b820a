using Dapper;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Hosting;

public class HealthTests
{
    [Fact]
    public async Task A_server_whose_store_cannot_be_written_is_not_ready_until_it_can()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        (await server.Get("/readyz", key: null)).Expect(200);
        var database = server.Services.GetRequiredService<Database>();

        // As on a disk that is full: an empty transaction still commits.
        await database.Write(session => session.Connection.ExecuteAsync("PRAGMA query_only = ON"));
        clock.Advance(TimeSpan.FromSeconds(1));
        (await server.Get("/readyz", key: null)).ExpectCode(503, "unavailable");
        (await server.Get("/healthz", key: null)).Expect(200);

        await database.Write(session => session.Connection.ExecuteAsync("PRAGMA query_only = OFF"));
        clock.Advance(TimeSpan.FromSeconds(1));
        (await server.Get("/readyz", key: null)).Expect(200);
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
}
