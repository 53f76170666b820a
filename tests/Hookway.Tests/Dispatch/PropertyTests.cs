using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch;

/// <summary>What must hold whatever callers do, tried with what chance makes up; CsCheck prints the seed of a failure.</summary>
public sealed class PropertyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const int Rounds = 12;
    private static readonly string[] Types = ["invoice.paid", "invoice.sent", "order.shipped"];

    private readonly TestServer _server = fixture.Server;

    private static Gen<string?> Any(params string?[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    [Fact]
    public Task A_cursor_visits_each_item_once_while_others_are_added() => Gen.Select(
        Gen.Int[0, 25], Gen.Int[1, 7], Any("messages", "endpoints", "recipients"), Gen.Int[0, 3].Array[0, 10]).SampleAsync(
        async (count, limit, list, added) =>
        {
            var app = await _server.CreateApp(Types);
            var made = 0;
            async Task<string> Make() => list switch
            {
                "messages" => await _server.Send(app),
                "endpoints" => await _server.CreateEndpoint(app, fixture.Receiver.Url),
                _ => (await _server.Put($"/api/v1/apps/{app}/recipients/customer_{made++}", new { })).Expect(201).Text("recipient"),
            };
            var id = list switch { "messages" => "messageId", "endpoints" => "endpointId", _ => "recipient" };
            var wanted = new List<string>();
            for (var i = 0; i < count; i++)
            {
                wanted.Add(await Make());
            }
            var seen = new List<string>();
            string? cursor = null;
            var page = 0;
            do
            {
                var answer = (await _server.Get($"/api/v1/apps/{app}/{list}?limit={limit}{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
                answer.Items.Length.ShouldBeLessThanOrEqualTo(limit);
                seen.AddRange(answer.Items.Select(item => item.GetProperty(id).GetString()!));
                cursor = answer.Body.GetProperty("nextCursor").GetString();
                for (var i = page < added.Length ? added[page] : 0; i > 0; i--)
                {
                    await Make();
                }
                page++;
            }
            while (cursor is not null);
            seen.ShouldBe(wanted.AsEnumerable().Reverse());
        }, iter: Rounds, threads: 1);

    [Fact]
    public Task Sends_with_the_same_keys_at_the_same_time_come_to_one_message() => Gen.Select(
        Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 1]).Array[5, 40].SampleAsync(
        async sends =>
        {
            var app = await _server.CreateApp(Types);
            // An id or a key, or both, of a few; a body of two.
            var answers = await Task.WhenAll(sends.Select(async send =>
            {
                var (id, key, body) = send;
                var request = new JsonObject { ["recipient"] = "customer_1", ["type"] = Types[0], ["data"] = body };
                if (id < 2)
                {
                    request["messageId"] = $"message-{id}";
                }
                if (key < 2)
                {
                    request["idempotencyKey"] = $"key-{key}";
                }
                return (Send: send, Answer: await _server.Post($"/api/v1/apps/{app}/messages", request));
            }));
            foreach (var (send, answer) in answers)
            {
                if (answer.Status == 400)
                {
                    answer.Text("code").ShouldBe("idempotency_mismatch");
                    continue;
                }
                var stored = await _server.Message(app, answer.Expect(202).Text("messageId"));
                stored.GetProperty("data").GetInt32().ShouldBe(send.Item3);
                (send.Item1 == 2 || stored.GetProperty("messageId").GetString() == $"message-{send.Item1}").ShouldBeTrue();
            }
            var accepted = answers.Where(item => item.Answer.Status == 202).ToList();
            foreach (var key in new[] { 0, 1 })
            {
                // A key stands for one message of a caller without ids; beside an id that is known already it adds nothing.
                accepted.Where(item => item.Send.Item1 == 2 && item.Send.Item2 == key).Select(item => item.Answer.Text("messageId")).Distinct().Count().ShouldBeLessThanOrEqualTo(1);
            }
            // Each message was stored by one send, and that one alone was not told that it repeats another.
            accepted.GroupBy(item => item.Answer.Text("messageId")).ShouldAllBe(sent => sent.Count(item => !item.Answer.Body.GetProperty("duplicate").GetBoolean()) == 1);
            (await _server.Get($"/api/v1/apps/{app}/messages?limit=250")).Items.Select(item => item.GetProperty("messageId").GetString())
                .ShouldBe(accepted.Select(item => item.Answer.Text("messageId")).Distinct(), ignoreOrder: true);
        }, iter: Rounds, threads: 1);

    [Fact]
    public async Task Filters_agree_with_a_list_in_memory()
    {
        var app = await _server.CreateApp(Types);
        await _server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "paused");
        var endpoint = (await _server.Get($"/api/v1/apps/{app}/endpoints?recipient=paused")).Items[0].GetProperty("endpointId").GetString();
        (await _server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var random = new Random(7);
        var model = new List<(string Id, string Recipient, string Type, string Status, DateTimeOffset At)>();
        for (var i = 0; i < 60; i++)
        {
            var (recipient, type) = (random.Next(3) switch { 0 => "paused", 1 => "nobody", _ => "none_at_all" }, Types[random.Next(3)]);
            var sent = (await _server.Post($"/api/v1/apps/{app}/messages", new { recipient, type, messageId = $"m{i % 10}-{i}" })).Expect(202);
            var status = recipient == "paused" ? "pending" : "skipped";
            if (status == "pending" && random.Next(3) == 0)
            {
                (await _server.Post($"/api/v1/apps/{app}/messages/m{i % 10}-{i}/cancel")).Expect(200);
                status = "canceled";
            }
            model.Insert(0, ($"m{i % 10}-{i}", recipient, type, status, sent.Body.GetProperty("createdAt").GetDateTimeOffset()));
        }
        await Gen.Select(
            Any(null, "paused", "nobody", "unknown"), Any(null, Types[0], Types[1], "unknown"),
            Any(null, "pending", "skipped", "canceled", "succeeded"), Any(null, "m1", "m2-", "none_", "invoice.", "paused", "x"),
            Gen.Int[-1, 59], Gen.Int[-1, 59]).SampleAsync(
            async (recipient, type, status, q, since, until) =>
            {
                var query = new List<string> { "limit=250" };
                void Add(string name, string? value)
                {
                    if (value is not null)
                    {
                        query.Add($"{name}={Uri.EscapeDataString(value)}");
                    }
                }
                var (from, to) = (since < 0 ? (DateTimeOffset?)null : model[since].At, until < 0 ? (DateTimeOffset?)null : model[until].At);
                Add("recipient", recipient);
                Add("type", type);
                Add("status", status);
                Add("q", q);
                Add("since", from?.ToString("O"));
                Add("until", to?.ToString("O"));
                var wanted = model.Where(item => (recipient is null || item.Recipient == recipient) && (type is null || item.Type == type) && (status is null || item.Status == status)
                    && (from is null || item.At >= from) && (to is null || item.At < to)
                    && (q is null || new[] { item.Id, item.Recipient, item.Type }.Any(text => text.StartsWith(q, StringComparison.Ordinal)))).Select(item => item.Id);

                var found = (await _server.Get($"/api/v1/apps/{app}/messages?{string.Join('&', query)}")).Expect(200).Items.Select(item => item.GetProperty("messageId").GetString());

                found.ShouldBe(wanted, string.Join('&', query));
            }, iter: 60, threads: 1);
    }

    [Fact]
    public async Task A_patch_leaves_what_is_absent_resets_what_is_null_and_sets_the_rest()
    {
        var app = await _server.CreateApp(Types);
        var endpoint = $"/api/v1/apps/{app}/endpoints/{await _server.CreateEndpoint(app, fixture.Receiver.Url, new { name = "First" })}";
        (string Name, string[] Values, string? Default)[] fields =
        [
            ("name", ["\"A\"", "\"B\""], null), ("enabled", ["true", "false"], null), ("paused", ["true", "false"], null), ("ordered", ["true", "false"], null),
            ("eventTypes", ["""["invoice.*"]""", """["order.shipped"]"""], "null"), ("retryMaxAttempts", ["1", "20"], "8"), ("retryBackoffSeconds", ["1", "3600"], "5"),
            ("rateLimitPerMinute", ["1", "600"], "null"), ("filter", ["""[{"bodyPath":"a","exists":true}]"""], "null"),
        ];
        // For each field: 0 is absent, 1 is null, 2 and up are its values.
        await Gen.Int[0, 3].Array[fields.Length].SampleAsync(
            async choices =>
            {
                var before = (await _server.Get(endpoint)).Expect(200).Body;
                var given = fields.Zip(choices).Where(pair => pair.Second > 0)
                    .Select(pair => (pair.First, Value: pair.Second == 1 ? "null" : pair.First.Values[Math.Min(pair.Second - 2, pair.First.Values.Length - 1)])).ToList();
                var answer = await _server.Raw(HttpMethod.Patch, endpoint, $"{{{string.Join(',', given.Select(field => $"\"{field.First.Name}\":{field.Value}"))}}}");
                var mayNotBeNull = given.Where(field => field.Value == "null" && field.First.Default is null).Select(field => field.First.Name).ToList();
                if (mayNotBeNull.Count > 0)
                {
                    answer.Expect(400);
                    mayNotBeNull.ForEach(name => answer.ExpectInvalid(name));
                }
                var after = (await _server.Get(endpoint)).Expect(200).Body;
                foreach (var (name, values, byDefault) in fields)
                {
                    var change = given.Find(field => field.First.Name == name);
                    var wanted = mayNotBeNull.Count > 0 || change.Value is null ? before.GetProperty(name).GetRawText() : change.Value == "null" ? byDefault! : change.Value;
                    JsonElement.DeepEquals(after.GetProperty(name), JsonElement.Parse(wanted)).ShouldBeTrue($"{name} is {after.GetProperty(name)} and should be {wanted}");
                }
            }, iter: 40, threads: 1);
    }
}
