using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Ingest.Anomalies;
using Hookway.Issues;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Issues;

/// <summary>A server whose time stands still, and its issues.</summary>
public sealed class IssueScene : IAsyncDisposable
{
    public const string Route = "/api/v1/ingest/issues";

    private IssueScene(TestServer server, FakeTimeProvider clock)
    {
        Server = server;
        Clock = clock;
    }

    public TestServer Server { get; }
    public FakeTimeProvider Clock { get; }

    public static async Task<IssueScene> Start(Action<IServiceCollection>? replace = null)
    {
        // Twenty past the hour: much is counted by the hour, and what a test sees of that must not depend on when it runs.
        var now = DateTimeOffset.UtcNow;
        var clock = new FakeTimeProvider(new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 20, 0, TimeSpan.Zero));
        return new IssueScene(
            await TestServer.Start(clock: clock, replace: services =>
            {
                // It rests between its steps, for which time would have to pass.
                services.RemoveAll<IRetained>();
                replace?.Invoke(services);
            }), clock);
    }

    /// <summary>Lets time pass, and those who find issues look.</summary>
    public async Task Pass(TimeSpan time)
    {
        Clock.Advance(time);
        await Look();
    }

    /// <summary>Lets those who find issues look, until they have seen all that is in the ledger: on PostgreSQL they wait for what else is being written.</summary>
    public async Task Look()
    {
        var watch = Server.Services.GetRequiredService<IssueWatch>();
        var ledger = Server.Services.GetRequiredService<LedgerWatch>();
        await TestServer.Until(async () =>
        {
            (await watch.RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();
            return ledger.CaughtUpTo >= Clock.GetUtcNow() && await Server.Services.GetRequiredService<Database>().Read(IsWatched);
        });
        (await watch.RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();
    }

    private static async Task<bool> IsWatched(DbConnection connection) =>
        await WatchedEventStore.Position(connection) >= await connection.ExecuteScalarAsync<long>("SELECT coalesce(max(seq), 0) FROM events");

    /// <summary>The issues, newest first, after a look.</summary>
    public async Task<JsonElement[]> Issues(string query = "")
    {
        await Look();
        return (await Server.Get(Route + query)).Expect(200).Items;
    }

    public async Task<JsonElement> Issue(string query = "") => (await Issues(query)).ShouldHaveSingleItem();

    public Task<Answer> Move(string verb, params string[] issueIds) => Server.Post($"{Route}/{verb}", new { issueIds });

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>Reads issues as the API shows them.</summary>
internal static class ShownIssues
{
    public static string Text(this JsonElement issue, string name) => issue.GetProperty(name).GetString()!;

    public static long Count(this JsonElement issue) => issue.GetProperty("count").GetInt64();

    public static string[] Texts(this JsonElement issue, string name) => [.. issue.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)];
}
