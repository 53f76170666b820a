using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch;

/// <summary>What must hold whatever callers do, tried with what chance makes up; CsCheck prints the seed of a failure.</summary>
public sealed class PropertyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const int Rounds = 12;
    private const int Messages = 60;
    private static readonly string[] Types = ["invoice.paid", "invoice.sent", "order.shipped"];

    private readonly TestServer _server = fixture.Server;

    private static Gen<string?> Any(params string?[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    [Fact]
    public Task A_cursor_visits_each_item_once_while_others_are_added() => Gen.Select(
        Gen.Int[0, 25], Gen.Int[1, 7], Gen.Int[0, Lists.Length - 1], Gen.Int[0, 3].Array[0, 10]).SampleAsync(
        async (count, limit, list, added) =>
        {
            var app = await _server.CreateApp(Types);
            var endpoint = await _server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "with_endpoint");
            var (path, id, make) = Lists[list];
            var made = 0;
            Task<string> Make() => make(_server, app, Interlocked.Increment(ref made));
            var wanted = new List<string>();
            for (var i = 0; i < count; i++)
            {
                wanted.Insert(0, await Make());
            }
            var meanwhile = new List<Task<string>>();
            var seen = new List<string>();
            string? cursor = null;
            var page = 0;
            do
            {
                var query = $"{path.Replace("{app}", app, StringComparison.Ordinal).Replace("{endpoint}", endpoint, StringComparison.Ordinal)}limit={limit}";
                var answer = (await _server.Get($"/api/v1/{query}{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
                answer.Items.Length.ShouldBeLessThanOrEqualTo(limit);
                seen.AddRange(answer.Items.Select(item => item.GetProperty(id).GetString()!));
                cursor = answer.Body.GetProperty("nextCursor").GetString();
                // Not waited for: they are being added while the next page is read.
                meanwhile.AddRange(Enumerable.Range(0, page < added.Length ? added[page] : 0).Select(_ => Make()));
                page++;
            }
            while (cursor is not null);
            await Task.WhenAll(meanwhile);
            seen.ShouldBeUnique();
            seen.Intersect(wanted).ShouldBe(wanted, path);
            seen.Intersect(meanwhile.Select(task => task.Result)).ShouldBeEmpty(path);
        }, iter: Rounds * 3, threads: 1);

    /// <summary>Lists, newest first: the beginning of their address, what names an item, and how the next is made.</summary>
    private static readonly (string Path, string Id, Func<TestServer, string, int, Task<string>> Make)[] Lists =
    [
        ("apps/{app}/messages?", "messageId", (server, app, _) => server.Send(app)),
        ("apps/{app}/messages?type=invoice.paid&status=skipped&", "messageId", (server, app, _) => server.Send(app)),
        ("apps/{app}/messages?recipient=customer_1&", "messageId", (server, app, _) => server.Send(app)),
        ("apps/{app}/endpoints?recipient=many&", "endpointId", (server, app, _) => server.CreateEndpoint(app, new Uri("https://example.com/hook"), recipient: "many")),
        ("apps/{app}/recipients?q=tenant&", "recipient", async (server, app, i) =>
            (await server.Put($"/api/v1/apps/{app}/recipients/tenant_{i}", new { })).Expect(201).Text("recipient")),
        ("apps/{app}/event-types?", "name", async (server, app, i) => (await server.Put($"/api/v1/apps/{app}/event-types/made.{i}", new { })).Expect(201).Text("name")),
        ("apps?", "appId", async (server, _, i) => (await server.Post("/api/v1/apps", new { name = $"App {i}" })).Expect(201).Text("appId")),
        ("api-keys?", "keyId", async (server, _, i) => (await server.Post("/api/v1/api-keys", new { name = $"Key {i}", scopes = new[] { "app:read" } })).Expect(201).Text("keyId")),
        ("replays?appId={app}&", "replayId", async (server, app, _) =>
            (await server.Post($"/api/v1/apps/{app}/messages/{await server.Send(app)}/replay", new { })).Expect(202).Text("replayId")),
        ("apps/{app}/endpoints/{endpoint}/attempts?", "messageId", async (server, app, _) =>
        {
            var message = await server.Send(app, recipient: "with_endpoint");
            await server.WaitForMessage(app, message, "succeeded");
            return message;
        }),
    ];

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
                // A key stands for one message, whether or not it came with an id.
                accepted.Where(item => item.Send.Item2 == key).Select(item => item.Answer.Text("messageId")).Distinct().Count().ShouldBeLessThanOrEqualTo(1);
            }
            // Each message was stored by one send, and that one alone was not told that it repeats another.
            accepted.GroupBy(item => item.Answer.Text("messageId")).ShouldAllBe(sent => sent.Count(item => !item.Answer.Body.GetProperty("duplicate").GetBoolean()) == 1);
            (await _server.Get($"/api/v1/apps/{app}/messages?limit=250")).Items.Select(item => item.GetProperty("messageId").GetString())
                .ShouldBe(accepted.Select(item => item.Answer.Text("messageId")).Distinct(), ignoreOrder: true);
        }, iter: Rounds, threads: 1);

    [Fact]
    public async Task Filters_agree_with_a_list_in_memory()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondPerPath("/mixed", [.. Enumerable.Range(0, Messages).Select(StatusOf)]);
        var app = await _server.CreateApp(Types);
        var paused = await _server.CreateEndpoint(app, receiver.Url, recipient: "paused");
        (await _server.Patch($"/api/v1/apps/{app}/endpoints/{paused}", new { paused = true })).Expect(200);
        var mixed = await _server.CreateEndpoint(app, receiver.UrlFor("/mixed"), new { retryMaxAttempts = 1 }, recipient: "mixed");
        var random = new Random(7);
        var model = new List<(string Id, string Recipient, string Type, string Status, DateTimeOffset At)>();
        var attempted = 0;
        for (var i = 0; i < Messages; i++)
        {
            var (recipient, type, id) = (random.Next(4) switch { 0 => "paused", 1 => "nobody", _ => "mixed" }, Types[random.Next(3)], $"m{i % 10}-{i}");
            var sent = (await _server.Post($"/api/v1/apps/{app}/messages", new { recipient, type, messageId = id })).Expect(202);
            var status = recipient switch { "paused" => "pending", "nobody" => "skipped", _ => StatusOf(attempted++) == 200 ? "succeeded" : "failed" };
            if (recipient == "mixed")
            {
                await _server.WaitForMessage(app, id, status);
            }
            if (recipient == "paused" && random.Next(3) == 0)
            {
                (await _server.Post($"/api/v1/apps/{app}/messages/{id}/cancel")).Expect(200);
                status = "canceled";
            }
            model.Insert(0, (id, recipient, type, status, sent.Body.GetProperty("createdAt").GetDateTimeOffset()));
        }
        await Gen.Select(
            Any(null, "paused", "nobody", "mixed", "unknown"), Any(null, Types[0], Types[1], "unknown"),
            Any(null, "pending", "skipped", "canceled", "succeeded", "failed"), Any(null, "m1", "m2-", "mix", "invoice.", "paused", "x"),
            Gen.Int[-1, Messages - 1], Gen.Int[-1, Messages - 1], Gen.Int[1, 80]).SampleAsync(
            async (recipient, type, status, q, since, until, limit) =>
            {
                var (from, to) = (since < 0 ? (DateTimeOffset?)null : model[since].At, until < 0 ? (DateTimeOffset?)null : model[until].At);
                var wanted = model.Where(item => (recipient is null || item.Recipient == recipient) && (type is null || item.Type == type) && (status is null || item.Status == status)
                    && (from is null || item.At >= from) && (to is null || item.At < to)
                    && (q is null || new[] { item.Id, item.Recipient, item.Type }.Any(text => text.StartsWith(q, StringComparison.Ordinal)))).Select(item => item.Id);
                var query = Query(("recipient", recipient), ("type", type), ("status", status), ("q", q), ("since", from?.ToString("O")), ("until", to?.ToString("O")));
                (await Ids($"/api/v1/apps/{app}/messages?{query}limit={limit}")).ShouldBe(wanted, query);
            }, iter: 80, threads: 1);
        var attempts = (await _server.Get($"/api/v1/apps/{app}/endpoints/{mixed}/attempts?limit=250")).Items
            .Select(item => (Id: item.GetProperty("messageId").GetString()!, Status: item.GetProperty("status").GetString()!, At: item.GetProperty("startedAt").GetDateTimeOffset())).ToList();
        attempts.Select(item => (item.Id, item.Status)).ShouldBe(model.Where(item => item.Recipient == "mixed").Select(item => (item.Id, item.Status)));
        await Gen.Select(Any(null, "succeeded", "failed"), Gen.Int[-1, attempts.Count - 1], Gen.Int[-1, attempts.Count - 1], Gen.Int[1, 60]).SampleAsync(
            async (status, since, until, limit) =>
            {
                var (from, to) = (since < 0 ? (DateTimeOffset?)null : attempts[since].At, until < 0 ? (DateTimeOffset?)null : attempts[until].At);
                var wanted = attempts.Where(item => (status is null || item.Status == status) && (from is null || item.At >= from) && (to is null || item.At < to)).Select(item => item.Id);
                var query = Query(("status", status), ("since", from?.ToString("O")), ("until", to?.ToString("O")));
                (await Ids($"/api/v1/apps/{app}/endpoints/{mixed}/attempts?{query}limit={limit}")).ShouldBe(wanted, query);
            }, iter: 30, threads: 1);
    }

    /// <summary>What the receiver of the filters' test answers: never five failures in a row, which would make the others wait.</summary>
    private static int StatusOf(int request) => request % 7 is 1 or 2 or 5 ? 500 : 200;

    private static string Query(params (string Name, string? Value)[] given) =>
        string.Concat(given.Where(item => item.Value is not null).Select(item => $"{item.Name}={Uri.EscapeDataString(item.Value!)}&"));

    /// <summary>The messages that all pages of a list name.</summary>
    private async Task<List<string>> Ids(string path)
    {
        var ids = new List<string>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = (await _server.Get($"{path}{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}")).Expect(200);
            ids.AddRange(page.Items.Select(item => item.GetProperty("messageId").GetString()!));
            cursor = page.Body.GetProperty("nextCursor").GetString();
        }
        return ids;
    }

    [Fact]
    public async Task A_patch_leaves_what_is_absent_resets_what_is_null_and_sets_the_rest()
    {
        var app = await _server.CreateApp(Types);
        var endpoint = $"/api/v1/apps/{app}/endpoints/{await _server.CreateEndpoint(app, fixture.Receiver.Url, new { name = "First" })}";
        await Patches(
            endpoint, 40,
            new("name", ["\"A\"", "\"B\""], null), new("url", [$"\"{fixture.Receiver.UrlFor("/a")}\"", $"\"{fixture.Receiver.UrlFor("/b")}\""], null), new("enabled", ["true", "false"], null),
            new("paused", ["true", "false"], null), new("ordered", ["true", "false"], null), new("eventTypes", ["""["invoice.*"]""", """["order.shipped"]"""], "null"),
            new("retryMaxAttempts", ["1", "20"], "8"), new("retryBackoffSeconds", ["1", "3600"], "5"), new("rateLimitPerMinute", ["1", "600"], "null"),
            new("filter", ["""[{"bodyPath":"a","exists":true}]"""], "null"));
        await Patches(
            $"/api/v1/apps/{app}", 20,
            new("name", ["\"A\"", "\"B\""], null), new("routingKeyBodyPath", ["\"customer.id\"", "\"items[0].id\""], "null"), new("routingKeyHeader", ["\"x-customer\"", "\"x-tenant\""], "null"));
    }

    [Fact]
    public async Task A_patch_of_headers_leaves_those_that_are_absent_and_removes_those_that_are_null()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await _server.CreateApp(Types);
        var endpoint = $"/api/v1/apps/{app}/endpoints/{await _server.CreateEndpoint(app, receiver.Url)}";
        string[] names = ["x-one", "x-two", "x-three"];
        var model = new Dictionary<string, string>();
        // For all together: 0 is null. For each: 0 is absent, 1 is null, 2 and up are its values.
        await Gen.Select(Gen.Int[0, 6], Gen.Int[0, 3].Array[names.Length]).SampleAsync(
            async (all, choices) =>
            {
                var given = names.Zip(choices).Where(pair => pair.Second > 0).ToDictionary(pair => pair.First, pair => pair.Second == 1 ? null : $"value {pair.Second}");
                var answer = (await _server.Patch(endpoint, new { headers = all == 0 ? null : given })).Expect(200);
                if (all == 0)
                {
                    model.Clear();
                }
                foreach (var (name, value) in all == 0 ? [] : given)
                {
                    _ = value is null ? model.Remove(name) : (model[name] = value) is null;
                }
                answer.Body.GetProperty("headers").EnumerateObject().Select(header => header.Name).ShouldBe(model.Keys, ignoreOrder: true);

                // Values are masked in answers; what counts is what an endpoint receives.
                var message = await _server.Send(app);
                await _server.WaitForMessage(app, message, "succeeded");
                receiver.Requests[^1].Headers.Where(header => names.Contains(header.Key)).ToDictionary().ShouldBe(model, ignoreOrder: true);
            }, iter: 30, threads: 1);
    }

    /// <summary>Tries changes of a record: each field absent, null or a value.</summary>
    private async Task Patches(string path, int rounds, params Field[] fields) => await Gen.Int[0, 3].Array[fields.Length].SampleAsync(
        // For each field: 0 is absent, 1 is null, 2 and up are its values.
        async choices =>
        {
            var before = (await _server.Get(path)).Expect(200).Body;
            var given = fields.Zip(choices).Where(pair => pair.Second > 0)
                .Select(pair => (Field: pair.First, Value: pair.Second == 1 ? "null" : pair.First.Values[Math.Min(pair.Second - 2, pair.First.Values.Length - 1)])).ToList();
            var answer = await _server.Raw(HttpMethod.Patch, path, $"{{{string.Join(',', given.Select(change => $"\"{change.Field.Name}\":{change.Value}"))}}}");
            var mayNotBeNull = given.Where(change => change is { Value: "null", Field.Default: null }).Select(change => change.Field.Name).ToList();
            if (mayNotBeNull.Count > 0)
            {
                answer.Expect(400);
                mayNotBeNull.ForEach(name => answer.ExpectInvalid(name));
            }
            else
            {
                answer.Expect(200);
            }
            var after = (await _server.Get(path)).Expect(200).Body;
            foreach (var field in fields)
            {
                var change = given.Find(change => change.Field == field);
                var wanted = mayNotBeNull.Count > 0 || change.Value is null ? before.GetProperty(field.Name).GetRawText() : change.Value == "null" ? field.Default! : change.Value;
                JsonElement.DeepEquals(after.GetProperty(field.Name), JsonElement.Parse(wanted)).ShouldBeTrue($"{field.Name} is {after.GetProperty(field.Name)} and should be {wanted}");
            }
        }, iter: rounds, threads: 1);

    /// <param name="Default">What null sets; null where null is refused.</param>
    private sealed record Field(string Name, string[] Values, string? Default);
}
