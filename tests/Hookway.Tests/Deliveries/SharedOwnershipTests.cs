using System.Collections.Concurrent;
using Dapper;
using Hookway.Deliveries.Ownership;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

/// <summary>Several nodes on one database: ./test runs this class on PostgreSQL alone.</summary>
public class SharedOwnershipTests
{
    private static readonly NodeOptions Quick = new()
    {
        Lease = TimeSpan.FromSeconds(2),
        LookEvery = TimeSpan.FromMilliseconds(100),
        Linger = TimeSpan.FromMilliseconds(300),
        LingerAlone = TimeSpan.FromMilliseconds(300),
    };

    [Fact]
    public async Task What_one_node_accepts_for_a_target_of_another_is_delivered_once_and_by_that_one()
    {
        const int Messages = 400;
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start(Quick with { Linger = TimeSpan.FromMinutes(1) });
        await using var other = await one.StartNode(With(Quick with { Linger = TimeSpan.FromMinutes(1) }));
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url);
        await one.WaitForMessage(app, await one.Send(app), "succeeded");

        var sent = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Messages), new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, _) => sent.Add(await (i % 2 == 0 ? one : other).Send(app)));

        await AllDelivered(one, app);
        receiver.Requests.Skip(1).Select(request => request.Headers["webhook-id"]).ShouldBe(sent, ignoreOrder: true);
        Owned(one).ShouldBe(1);
        Owned(other).ShouldBe(0);
    }

    [Fact]
    public async Task Ordered_targets_keep_the_order_of_acceptance_whichever_node_accepts()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start(Quick);
        await using var other = await one.StartNode(With(Quick));
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url, new { ordered = true });
        var sent = new List<string>();
        for (var i = 0; i < 200; i++)
        {
            sent.Add(await (i % 3 == 0 ? one : other).Send(app));
        }
        await AllDelivered(one, app);
        receiver.Requests.Select(request => request.Headers["webhook-id"]).ShouldBe(sent);
    }

    [Fact]
    public async Task A_rate_limit_holds_over_nodes_and_over_a_target_that_is_let_go()
    {
        const int Messages = 8;
        var interval = TimeSpan.FromSeconds(1);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start(Quick, clock);
        await using var other = await one.StartNode(With(Quick));
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url, new { rateLimitPerMinute = 60 });
        for (var round = 0; round < 2; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => (i % 2 == 0 ? one : other).Send(app)));
            for (var i = 1; i <= Messages; i++)
            {
                await receiver.WaitFor((round * Messages) + i);
                receiver.Count.ShouldBe((round * Messages) + i);
                clock.Advance(interval);
            }
            // The first message of the next round may go at once, whichever node gets it: the target has rested.
            await TestServer.Until(() => Owned(one) + Owned(other) == 0);
        }
    }

    [Fact]
    public async Task A_node_that_stops_hands_over_at_once_and_one_that_dies_within_its_lease()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        await using var one = await Start(Quick with { LongWait = TimeSpan.FromDays(1), Linger = TimeSpan.FromDays(1) });
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 1 });
        var first = await one.Send(app);
        await receiver.WaitFor(1);
        await using var other = await one.StartNode(With(Quick));
        await one.Stop();
        receiver.RespondWith(200);
        await other.WaitForMessage(app, first, "succeeded");

        var dead = await other.StartNode(With(Quick));
        receiver.RespondWith(500);
        await dead.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3 }, "customer_2");
        var second = await dead.Send(app, recipient: "customer_2");
        await receiver.WaitFor(3);
        await TestServer.Until(() => Owned(dead) == 1);
        receiver.RespondWith(200);
        await Freeze(dead);

        await other.WaitForMessage(app, second, "succeeded");
        receiver.Count.ShouldBe(4);
        await dead.DisposeAsync();
    }

    [Fact]
    public async Task A_node_that_was_given_up_commits_nothing_begins_anew_and_nothing_is_lost_or_doubled()
    {
        await using var receiver = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        receiver.Respond(async (request, _) =>
        {
            if (receiver.Count == 1)
            {
                await release.Task;
            }
        });
        await using var one = await Start(Quick);
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url);
        var inFlight = await one.Send(app);
        await receiver.WaitFor(1);
        var epoch = one.Services.GetRequiredService<ITargetOwnership>().Epoch;
        await using var other = await one.StartNode(With(Quick));
        await GiveUp(one);
        release.SetResult();

        await TestServer.Until(() => one.Services.GetRequiredService<ITargetOwnership>().Epoch is not 0 and var now && now != epoch);
        await other.WaitForMessage(app, inFlight, "succeeded");
        (await other.Attempts(app, inFlight)).Length.ShouldBe(1, "the attempt of the node that was given up is not recorded, and is repeated");
        for (var i = 0; i < 10; i++)
        {
            await other.WaitForMessage(app, await one.Send(app), "succeeded");
        }
        receiver.Requests.GroupBy(request => request.Headers["webhook-id"]).ShouldAllBe(group => group.Count() == (group.Key == inFlight ? 2 : 1));
    }

    [Fact]
    public async Task A_node_that_was_given_up_commits_nothing_even_where_nothing_has_to_be_answered()
    {
        await using var one = await Start(Quick with { Lease = TimeSpan.FromDays(1), LookEvery = TimeSpan.FromDays(1) });
        var database = one.Services.GetRequiredService<Database>();
        var insert = new RowStatement("INSERT INTO settings (name, value) SELECT v.name, v.value FROM {rows}", RowStatement.Text("name"), RowStatement.Bytes("value"));

        await Should.ThrowAsync<StorageUnavailableException>(() => database.Write(async session =>
        {
            // Whatever else the node writes meanwhile waits, and does not notice before this does.
            await GiveUp(one);
            await session.ForEach(insert, [["written", "late"u8.ToArray()]]);
            return 0;
        }));

        (await database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT count(*) FROM settings WHERE name = 'written'"))).ShouldBe(0);
    }

    [Fact]
    public async Task The_next_accept_takes_a_target_of_a_node_that_is_gone_though_nobody_looks_for_what_is_free()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        await using var one = await Start(Quick with { LongWait = TimeSpan.FromDays(1), Linger = TimeSpan.FromDays(1), LingerAlone = TimeSpan.FromDays(1) });
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 1 });
        var first = await one.Send(app);
        await receiver.WaitFor(1);
        var epoch = one.Services.GetRequiredService<ITargetOwnership>().Epoch;
        await using var other = await one.StartNode(With(Quick with { LookEvery = TimeSpan.FromDays(1) }));
        await Freeze(one);
        receiver.RespondWith(200);
        await other.Services.GetRequiredService<Database>().Aside(connection => connection.ExecuteAsync(
            "WITH gone AS (DELETE FROM nodes WHERE no = @epoch RETURNING no) INSERT INTO departed_nodes SELECT no FROM gone", new { epoch }));

        var next = await other.Send(app);

        await other.WaitForMessage(app, next, "succeeded");
        await other.WaitForMessage(app, first, "succeeded");
        Owned(other).ShouldBe(1);
    }

    [Fact]
    public async Task A_change_made_on_one_node_holds_for_what_another_delivers()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var second = await ReceiverStub.Start();
        receiver.RespondWith(500);
        await using var one = await Start(Quick);
        await using var other = await one.StartNode(With(Quick));
        var app = await one.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await one.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3_600 })}";
        var message = await one.Send(app);
        await receiver.WaitFor(1);
        // Let go until its retry is due, which is in an hour.
        await TestServer.Until(() => Owned(one) == 0);
        (await other.Patch(path, new { paused = true, url = second.Url })).Expect(200);
        var held = new List<string>();
        for (var i = 0; i < 10; i++)
        {
            held.Add(await (i % 2 == 0 ? one : other).Send(app));
        }
        (await one.Message(app, held[0])).GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("held");

        (await one.Patch(path, new { paused = false })).Expect(200);
        foreach (var id in held)
        {
            await other.WaitForMessage(app, id, "succeeded");
        }
        second.Count.ShouldBe(10);
        receiver.Count.ShouldBe(1);
        (await other.Patch(path, new { enabled = false })).Expect(200);
        await one.WaitForMessage(app, message, "canceled");
        await TestServer.Until(() => Owned(one) + Owned(other) == 0);
        (await Rows(one)).ShouldBe(0);
    }

    [Fact]
    public async Task Targets_without_work_are_let_go_and_leave_nothing_behind()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start(Quick);
        var app = await one.CreateApp();
        for (var i = 0; i < 30; i++)
        {
            await one.CreateEndpoint(app, receiver.Url, recipient: $"customer_{i}");
        }
        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 300).Select(i => one.Send(app, recipient: $"customer_{i % 30}")));
            await TestServer.Until(async () => Owned(one) == 0 && await Rows(one) == 0);
        }
        await AllDelivered(one, app);
        receiver.Count.ShouldBe(900);
    }

    private static Task<TestServer> Start(NodeOptions options, TimeProvider? clock = null)
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        return TestServer.Start(clock: clock, replace: With(options));
    }

    /// <summary>Does to a node what others do to one that stood still for too long, while it goes on.</summary>
    private static Task<int> GiveUp(TestServer node) => node.Services.GetRequiredService<Database>().Aside(connection => connection.ExecuteAsync(
        "WITH gone AS (DELETE FROM nodes WHERE no = @Epoch RETURNING no) INSERT INTO departed_nodes SELECT no FROM gone",
        new { node.Services.GetRequiredService<ITargetOwnership>().Epoch }));

    private static Action<IServiceCollection> With(NodeOptions options) => services => services.AddSingleton(options);

    private static int Owned(TestServer server) => ((SharedOwnership)server.Services.GetRequiredService<ITargetOwnership>()).Count;

    private static Task<long> Rows(TestServer server) => server.Services.GetRequiredService<Database>().Read(connection =>
        connection.ExecuteScalarAsync<long>("SELECT count(*) FROM target_owners"));

    /// <summary>Ends a node as its death would: it neither renews its lease nor gives it back, and sends nothing more.</summary>
    private static async Task Freeze(TestServer server)
    {
        var services = server.Services;
        services.GetRequiredService<Database>().Guard = _ => throw new StorageUnavailableException("This node is dead.");
        await ((SharedOwnership)services.GetRequiredService<ITargetOwnership>()).StandStill();
    }

    private static Task AllDelivered(TestServer server, string app) =>
        TestServer.Until(async () => (await server.Get($"/api/v1/apps/{app}/messages?status=pending&limit=1")).Items.Length == 0);
}
