using Dapper;
using Hookway.Deliveries;
using Hookway.Storage;
using Hookway.Tests.Support;
using Hookway.Tests.Support.Statements;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace Hookway.Tests.Deliveries;

/// <summary>The queue of an ordered target in the store: what is in it, and what it costs to read its head.</summary>
public class OrderedQueueTests
{
    private const int Waiting = 20_000;
    private const int Read = 64;

    [Fact]
    public async Task However_much_waits_a_read_looks_at_what_it_takes()
    {
        await using var server = await TestServer.Start(replace: RecordingDatabase.Wrap);
        var (_, _, no) = await PausedEndpoint(server, ordered: true);
        // Due in another order than that of the queue, whose head has been tried before.
        await Add(server, "@no, 1000000 + i, 1000000 + i, CASE WHEN i = 1 THEN 1 ELSE 0 END, @now - (i * 7919) % 100000", Waiting, no);
        // And as many that join the queue later.
        await Add(server, "@no, 2000000 + i, -2000000 - i, 0, @now + 3600000 + i", Waiting, no);
        var database = (RecordingDatabase)server.Services.GetRequiredService<Database>();
        await using var connection = server.PostgresConnectionString is { } postgres
            ? (System.Data.Common.DbConnection)new NpgsqlConnection(postgres)
            : new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(server.Folder, "hookway.db"), Pooling = false }.ToString());
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        foreach (var analyzes in PostgresDatabaseForTest.IsAsked ? new[] { true } : [false, true])
        {
            if (analyzes)
            {
                await connection.ExecuteAsync("ANALYZE deliveries");
            }
            database.IsRecording = true;
            var due = await server.Services.GetRequiredService<DeliveryStore>().ReadDue(Target(no), Read, DateTimeOffset.UtcNow);
            database.IsRecording = false;

            due.Rows.Select(row => row.MessageSeq).ShouldBe(Enumerable.Range(1_000_001, Read).Select(seq => (long)seq));
            foreach (var statement in database.Take().Where(statement => statement.Sql.Contains("FROM deliveries", StringComparison.Ordinal)))
            {
                var plan = await StatementPlan.Of(connection, statement);
                plan.Work.ShouldBeLessThan((PostgresDatabaseForTest.IsAsked ? 5 : 60) * Read, plan.Text);
            }
        }
    }

    [Fact]
    public async Task What_has_no_time_of_its_own_does_not_wait_for_a_clock_that_was_ahead()
    {
        await using var server = await TestServer.Start();
        var (_, _, no) = await PausedEndpoint(server, ordered: true);
        var (_, _, unordered) = await PausedEndpoint(server, ordered: false);
        var now = DateTimeOffset.UtcNow;
        var store = server.Services.GetRequiredService<DeliveryStore>();
        // Accepted under a clock that was an hour ahead; then, for later; then under a clock that is right.
        await Add(server, "@no, 1000001, 1000001, 0, @now + 3600000", 1, no, now);
        await Add(server, "@no, 1000002, -1000002, 0, @now + 1000", 1, no, now);
        await Add(server, "@no, 1000003, 1000003, 0, @now", 1, no, now);
        await Add(server, "@no, 1000000 + i, CASE WHEN i = 2 THEN -1000002 ELSE 0 END, CASE WHEN i = 3 THEN 1 ELSE 0 END, @now + 2000", 3, unordered, now);

        (await store.ReadDue(Target(no), Read, now)).Rows.Select(row => row.MessageSeq).ShouldBe([1_000_001, 1_000_003]);
        (await store.ReadDue(Target(no), Read, now.AddSeconds(1))).Rows.Select(row => row.MessageSeq).ShouldBe([1_000_001, 1_000_002, 1_000_003]);
        (await store.ReadDue(Target(unordered) with { Ordered = false }, Read, now)).Rows.Select(row => row.MessageSeq).ShouldBe([1_000_001]);
        (await store.ReadDue(Target(unordered) with { Ordered = false }, Read, now.AddSeconds(2))).Rows.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_to_be_delivered_later_joins_when_it_is_due_and_then_holds_the_queue_like_any_other(bool becomesOrdered)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(200, 500, 200);
        var (app, endpoint, _) = await PausedEndpoint(server, ordered: !becomesOrdered, receiver.Url);
        var later = (await server.Post($"/api/v1/apps/{app}/messages", new
        {
            recipient = "customer_1", type = "invoice.paid", data = new { amount = 1 }, deliverAt = clock.GetUtcNow().AddMinutes(10),
        })).Expect(202).Text("messageId");
        var first = await server.Send(app);
        if (becomesOrdered)
        {
            (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { ordered = true })).Expect(200);
        }
        await Pause(server, app, endpoint, false);
        await server.WaitForMessage(app, first, "succeeded");
        clock.Advance(TimeSpan.FromMinutes(10.1));
        await receiver.WaitFor(2);
        await server.WaitForMessage(app, later, state => state.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 1);
        var last = await server.Send(app);
        clock.Advance(TimeSpan.FromSeconds(10));

        await server.WaitForMessage(app, last, "succeeded");
        receiver.Requests.Select(request => request.Headers["webhook-id"]).ShouldBe([first, later, later, last]);
    }

    [Fact]
    public async Task A_head_that_waits_for_its_retry_holds_what_is_due_behind_it()
    {
        await using var server = await TestServer.Start();
        var (_, _, no) = await PausedEndpoint(server, ordered: true);
        var now = DateTimeOffset.UtcNow;
        await Add(server, "@no, 1000000 + i, 1000000 + i, CASE WHEN i = 1 THEN 1 ELSE 0 END, CASE WHEN i = 1 THEN @now + 60000 ELSE @now END", 3, no, now);
        await Add(server, "@no, 999000 + i, 0, 0, @now", 1, no, now);
        var store = server.Services.GetRequiredService<DeliveryStore>();

        var held = await store.ReadDue(Target(no), Read, now);
        held.Rows.ShouldBeEmpty();
        held.HeadWaitsUntil.ShouldBe(Stored.Time(now.ToUnixTimeMilliseconds() + 60_000));

        var released = await store.ReadDue(Target(no), Read, now.AddMinutes(1));
        released.HeadWaitsUntil.ShouldBeNull();
        // What has no place in the queue goes behind it: it is not forgotten.
        released.Rows.Select(row => row.MessageSeq).ShouldBe([1_000_001, 1_000_002, 1_000_003, 999_001]);
    }

    [Fact]
    public async Task An_endpoint_that_becomes_ordered_goes_on_with_what_waits_in_the_order_of_acceptance()
    {
        const int Each = 10;
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var (app, endpoint, no) = await PausedEndpoint(server, ordered: false, receiver.Url);
        var sent = new List<string>();
        for (var i = 0; i < Each; i++)
        {
            sent.Add(await server.Send(app));
        }
        (await Placed(server, no)).ShouldBe(0);

        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { ordered = true })).Expect(200);
        (await Placed(server, no)).ShouldBe(Each);
        for (var i = 0; i < Each; i++)
        {
            sent.Add(await server.Send(app));
        }
        (await Placed(server, no)).ShouldBe(2 * Each);
        await Pause(server, app, endpoint, false);

        (await receiver.WaitFor(sent.Count)).Select(request => request.Headers["webhook-id"]).ShouldBe(sent);
    }

    [Fact]
    public async Task A_store_from_before_the_queue_had_an_index_is_converted()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var (app, endpoint, no) = await PausedEndpoint(server, ordered: true, receiver.Url);
        var other = await server.CreateEndpoint(app, receiver.UrlFor("/other"));
        await Pause(server, app, other, true);
        var sent = new[] { await server.Send(app), await server.Send(app), await server.Send(app) };
        var otherNo = await NumberOf(server, other);
        await server.Services.GetRequiredService<Database>().Write(session => session.Connection.ExecuteAsync(
            "DROP INDEX deliveries_in_order; DELETE FROM schemaversions WHERE scriptname LIKE '%.0008_lean.%'; UPDATE deliveries SET position = message_seq"));

        await server.Restart();

        (await Placed(server, no), await Placed(server, otherNo)).ShouldBe((sent.Length, 0));
        foreach (var id in new[] { other, endpoint })
        {
            await Pause(server, app, id, false);
        }
        var arrived = await receiver.WaitFor(2 * sent.Length);
        arrived.Where(request => request.Path == "/hook").Select(request => request.Headers["webhook-id"]).ShouldBe(sent);
        arrived.Where(request => request.Path == "/other").Select(request => request.Headers["webhook-id"]).ShouldBe(sent, ignoreOrder: true);
    }

    private static DeliveryTarget Target(long no) => new(no, null, Paused: false, Ordered: true, null, 8, 5, IsFailing: false);

    private static async Task<(string App, string Endpoint, long No)> PausedEndpoint(TestServer server, bool ordered, Uri? url = null)
    {
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, url ?? new Uri("https://127.0.0.1:9/hook"), new { ordered });
        await Pause(server, app, endpoint, true);
        return (app, endpoint, await NumberOf(server, endpoint));
    }

    private static async Task Pause(TestServer server, string app, string endpoint, bool paused) =>
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused })).Expect(200);

    private static Task<long> NumberOf(TestServer server, string endpoint) => server.Services.GetRequiredService<Database>().Read(connection =>
        connection.ExecuteScalarAsync<long>("SELECT no FROM endpoints WHERE id = @endpoint", new { endpoint }));

    /// <param name="values">The target, message, position, attempts of the run and due time of the i-th.</param>
    private static Task<int> Add(TestServer server, string values, int count, long no, DateTimeOffset? now = null) =>
        server.Services.GetRequiredService<Database>().Write(session => session.Connection.ExecuteAsync(
            $"""
            WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < @count)
            INSERT INTO deliveries (target_no, message_seq, position, run_attempts, next_attempt_at, attempt_count, status, run, run_trigger)
            SELECT {values}, 0, 0, 0, 0 FROM n
            """, new { count, no, now = (now ?? DateTimeOffset.UtcNow).ToUnixTimeMilliseconds() }));

    private static Task<long> Placed(TestServer server, long no) => server.Services.GetRequiredService<Database>().Read(connection =>
        connection.ExecuteScalarAsync<long>("SELECT count(*) FROM deliveries WHERE target_no = @no AND status = 0 AND position > 0", new { no }));
}
