using CsCheck;
using Dapper;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Dispatch.Messages;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

/// <summary>The walk of a replay over a store with messages and deliveries of every kind, against a plain reading of the contract.</summary>
public class ReplaySelectionPropertyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const int Messages = 250;
    private static readonly string[] Types = ["invoice.paid", "invoice.sent", "order.made"];
    // The store keeps milliseconds.
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.AddDays(-2).ToUnixTimeMilliseconds());

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_walk_visits_exactly_what_the_contract_names_in_order_and_once_whatever_its_steps()
    {
        var app = await Server.CreateApp(Types);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "invoice.*" }, filter = new[] { new { bodyPath = "n", @in = new[] { 0, 1 } } } });
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = false })).Expect(200);
        foreach (var some in Enumerable.Range(0, Messages).Chunk(50))
        {
            (await Server.Post($"/api/v1/apps/{app}/messages/batch", new
            {
                messages = some.Select(i => new { recipient = "customer_1", type = Types[i % Types.Length], data = new { n = i % 4 } }),
            })).Expect(202);
        }
        var source = Server.Services.GetRequiredService<EndpointReplay>();
        var (facts, targetNo, lastSeq) = await Scatter(app, endpoint, new Random(7));
        var asked = Gen.Select(
            Gen.Int[-60, Messages * 10], Gen.Int[1, Messages * 10], Gen.Bool, OneOf("failed", "missing", "all"),
            OneOf<string[]?>(null, ["invoice.paid"], ["order.*", "invoice.sent"]), OneOf(1, 7, 50, 1_000));

        await asked.SampleAsync(async (since, length, bounded, status, types, most) =>
        {
            var from = Start.AddMinutes(since);
            DateTimeOffset? until = bounded ? from.AddMinutes(length) : null;
            var filter = System.Text.Json.JsonSerializer.Serialize(new { appId = app, endpointId = endpoint, since = from, until, status, types });
            var replay = new Replay(
                0, "rpl_", ReplayKind.Endpoint, filter, targetNo, ReplayState.Walking, null, 0, 0, 0, 0, 0, 0, 0, lastSeq, from, null);
            var (visited, skipped) = (new List<long>(), 0);
            for (var over = false; !over;)
            {
                var batch = await source.Next(replay, most);
                batch.Items.Count.ShouldBeLessThanOrEqualTo(most);
                visited.AddRange(batch.Items.Select(item => item.MessageSeq));
                skipped += batch.Skipped;
                over = batch.IsLast;
                replay = replay with { WalkAfter = batch.WalkedTo };
            }

            var matching = facts.Where(fact => fact.At >= from && (until is null || fact.At < until)
                && (types is null || types.Any(type => type.EndsWith(".*", StringComparison.Ordinal) ? fact.Type.StartsWith(type[..^1], StringComparison.Ordinal) : fact.Type == type))
                && IsAsked(fact, status)).ToList();
            visited.ShouldBe(matching.Where(fact => fact.HasData).Select(fact => fact.Seq), string.Join("\n", matching));
            skipped.ShouldBe(matching.Count(fact => !fact.HasData));
        }, iter: 60, threads: 1);
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool IsAsked(Fact fact, string status)
    {
        var failed = fact.State is "failed" or "canceled endpoint_disabled" or "canceled replay_canceled";
        var missing = fact.State is "none" && fact.Type.StartsWith("invoice.", StringComparison.Ordinal) && (fact.N <= 1 || !fact.HasData);
        return status switch
        {
            "failed" => failed,
            "missing" => missing,
            _ => failed || missing || fact.State is "succeeded" or "pending",
        };
    }

    /// <summary>Gives every message a time of its own, and a delivery in one of the states that there are; or none, or no data any more.</summary>
    private async Task<(IReadOnlyList<Fact> Facts, long TargetNo, long LastSeq)> Scatter(string app, string endpoint, Random random)
    {
        var database = Server.Services.GetRequiredService<Database>();
        string[] states = ["none", "none", "succeeded", "failed", "pending", "scheduled", "canceled canceled", "canceled endpoint_disabled", "canceled replay_canceled", "canceled payload_expired"];
        return await database.Write(async session =>
        {
            var connection = session.Connection;
            var targetNo = await connection.ExecuteScalarAsync<long>("SELECT no FROM endpoints WHERE id = @endpoint", new { endpoint });
            var rows = (await connection.QueryAsync<(long Seq, string Type)>(
                "SELECT m.seq, m.event_type FROM messages m JOIN apps a ON a.no = m.app_no WHERE a.id = @app ORDER BY m.seq", new { app })).AsList();
            rows.Count.ShouldBe(Messages);
            var facts = new List<Fact>();
            foreach (var ((seq, type), i) in rows.Select((row, i) => (row, i)))
            {
                var state = states[random.Next(states.Length)];
                var fact = new Fact(seq, type, i % 4, Start.AddMinutes(i * 10), random.Next(6) > 0, state);
                facts.Add(fact);
                await connection.ExecuteAsync(
                    $"UPDATE messages SET created_at = @at{(fact.HasData ? "" : ", data = NULL")} WHERE seq = @seq", new { at = fact.At.ToUnixTimeMilliseconds(), seq });
                if (state == "none")
                {
                    continue;
                }
                var status = state.Split(' ')[0] switch { "succeeded" => DeliveryStatus.Succeeded, "failed" => DeliveryStatus.Failed, "canceled" => DeliveryStatus.Canceled, _ => DeliveryStatus.Pending };
                await connection.ExecuteAsync(
                    """
                    INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at, last_error, reason)
                    VALUES (@seq, @targetNo, @status, @seq, 0, 0, 0, @attempts, @next, @error, @reason)
                    """,
                    new
                    {
                        seq, targetNo, status = (int)status, attempts = state is "scheduled" || status is DeliveryStatus.Canceled ? 0 : 1,
                        next = status is DeliveryStatus.Pending ? DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds() : (long?)null,
                        error = state is "failed" or "pending" ? "timeout" : null, reason = state.Split(' ').ElementAtOrDefault(1),
                    });
            }
            return (facts, targetNo, rows[^1].Seq);
        });
    }

    private sealed record Fact(long Seq, string Type, int N, DateTimeOffset At, bool HasData, string State);
}
