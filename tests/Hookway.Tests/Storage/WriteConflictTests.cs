using System.Collections.Concurrent;
using Dapper;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

/// <summary>Two nodes on one database write the same at the same time. ./test runs this class on PostgreSQL alone.</summary>
public class WriteConflictTests
{
    [Fact]
    public async Task Two_nodes_that_wait_for_each_other_both_get_their_way()
    {
        await using var one = await Start();
        await using var other = await one.StartNode();
        await Database(one).Write(session => session.Connection.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('first', ''), ('second', '')"));
        var runs = new ConcurrentQueue<string>();
        var met = new Meeting(2);

        await Task.WhenAll(Touch(one, "first", "second"), Touch(other, "second", "first"));

        runs.Count.ShouldBe(3, "one of the two gave way, and was done again");
        (await Database(one).Read(connection => connection.ExecuteScalarAsync<long>("SELECT sum(length(value)) FROM settings WHERE name IN ('first', 'second')"))).ShouldBe(4);

        Task<int> Touch(TestServer node, string name, string then) => Database(node).Write(async session =>
        {
            runs.Enqueue(name);
            await Append(session, name);
            // Each has what the other wants by then; who is done again meets nobody any more.
            await met.Arrive();
            return await Append(session, then);
        });
    }

    [Fact]
    public async Task A_key_that_comes_to_two_nodes_at_once_is_accepted_once()
    {
        const int Keys = 60;
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start();
        await using var other = await one.StartNode();
        var app = await one.CreateApp();
        await one.CreateEndpoint(app, receiver.Url);
        foreach (var kind in new[] { "messageId", "idempotencyKey" })
        {
            for (var i = 0; i < Keys; i++)
            {
                var body = new Dictionary<string, object> { ["recipient"] = "customer_1", ["type"] = "invoice.paid", ["data"] = i, [kind] = $"{kind}-{i}" };
                var answers = await Task.WhenAll(new[] { one, other, one, other }.Select(node => node.Post($"/api/v1/apps/{app}/messages", body)));
                answers.Select(answer => answer.Expect(202).Body.GetProperty("messageId").GetString()).Distinct().Count().ShouldBe(1);
                answers.Count(answer => !answer.Body.GetProperty("duplicate").GetBoolean()).ShouldBe(1);
            }
        }
        await TestServer.Until(async () => (await one.Get($"/api/v1/apps/{app}/messages?status=pending&limit=1")).Items.Length == 0);
        receiver.Requests.CountBy(request => request.Headers["webhook-id"]).ShouldAllBe(message => message.Value == 1);
        receiver.Count.ShouldBe(2 * Keys);
    }

    [Fact]
    public async Task Counting_against_a_limit_and_changing_the_configuration_on_two_nodes_never_fails()
    {
        const int Rounds = 150;
        await using var receiver = await ReceiverStub.Start();
        await using var one = await Start(new() { ["Hookway:Limits:MessagesPerMonth"] = "1000000" });
        await using var other = await one.StartNode();
        var app = await one.CreateApp();
        var path = $"/api/v1/apps/{app}/endpoints/{await one.CreateEndpoint(app, receiver.Url)}";
        await Parallel.ForEachAsync(Enumerable.Range(0, Rounds), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var node = i % 2 == 0 ? one : other;
            if (i % 3 == 0)
            {
                (await node.Patch(path, new { retryMaxAttempts = 1 + (i % 20) })).Expect(200);
            }
            await node.Send(app, recipient: $"customer_{i % 7}");
        });
        (await one.Get("/api/v1/workspace")).Expect(200).Body.GetProperty("usage").GetProperty("messagesThisMonth").GetInt64().ShouldBe(Rounds);
    }

    private static Task<TestServer> Start(Dictionary<string, string?>? settings = null)
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        return TestServer.Start(settings);
    }

    private static Database Database(TestServer server) => server.Services.GetRequiredService<Database>();

    private static Task<int> Append(WriteSession session, string name) =>
        session.Connection.ExecuteAsync("UPDATE settings SET value = value || 'x'::bytea WHERE name = @name", new { name });

    /// <summary>Lets nobody go on before all are there, once.</summary>
    private sealed class Meeting(int expected)
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _arrived;

        public Task Arrive()
        {
            if (Interlocked.Increment(ref _arrived) == expected)
            {
                _all.SetResult();
            }
            return _all.Task;
        }
    }
}
