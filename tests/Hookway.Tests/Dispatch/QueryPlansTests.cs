using System.Data.Common;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hookway.Benchmarks.Lists;
using Hookway.Issues;
using Hookway.Storage;
using Hookway.Tests.Support;
using Hookway.Tests.Support.Statements;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace Hookway.Tests.Dispatch;

/// <summary>
/// Every GET of the API document is asked in many ways of a store with history, and each statement that ran is explained by the store itself: none reads a table
/// that grows from one end to the other, and none looks at much more than the bound of a page, however little it finds. A new operation or query parameter is
/// walked without being told of.
/// </summary>
public sealed partial class QueryPlansTests
{
    private const int Bound = 400;
    private const int Messages = 20_000;
    private const int Recipients = 60;
    private const int Combinations = 60;

    /// <summary>What a statement may look at: on PostgreSQL in rows, of tables and of what is joined to them; on SQLite in steps.</summary>
    private static readonly int MostWork = (PostgresDatabaseForTest.IsAsked ? 5 : 60) * Bound;

    [Fact]
    public async Task No_list_search_or_statistic_reads_what_grows_from_end_to_end_or_more_than_its_bound()
    {
        await using var server = await TestServer.Start(replace: services =>
        {
            services.AddSingleton(new ReadBounds(Bound));
            // What looks about in the background is no request's.
            services.RemoveAll<IWatcher>();
            RecordingDatabase.Wrap(services);
        });
        await using var connection = await Connect(server);
        var samples = await Fill(server, connection);
        var database = (RecordingDatabase)server.Services.GetRequiredService<Database>();
        var statements = new Dictionary<string, (RecordedStatement Statement, string Path)>();
        var operations = Operations((await server.Get("/openapi/v1.json", key: null)).Body);
        operations.Count.ShouldBeGreaterThan(14);
        database.IsRecording = true;
        foreach (var path in operations.SelectMany(operation => Requests(operation, samples)))
        {
            var answer = await server.Get("/api/v1" + path);
            (answer.Status is 200 or 404).ShouldBeTrue($"{path}: {answer.Status}");
            foreach (var statement in database.Take())
            {
                statements.TryAdd(Kind(statement), (statement, path));
            }
        }
        database.IsRecording = false;

        statements.Count.ShouldBeGreaterThan(40);
        var findings = new List<string>();
        foreach (var (statement, path) in statements.Values)
        {
            var plan = await StatementPlan.Of(connection, statement);
            if (plan.Scans.Count > 0 || plan.Work > MostWork)
            {
                findings.Add($"{path} looks at {plan.Work} by\n{statement.Sql}\n{string.Join(", ", statement.Values)}\n{plan.Text}\n");
            }
        }
        findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_statement_that_scans_or_looks_at_too_much_is_found_out()
    {
        await using var server = await TestServer.Start();
        await using var connection = await Connect(server);
        await Fill(server, connection);
        (await StatementPlan.Of(connection, new RecordedStatement("SELECT seq FROM messages WHERE created_at = @at", [new("at", 1L)]))).Scans.ShouldNotBeEmpty();
        (await StatementPlan.Of(connection, new RecordedStatement(
            "SELECT seq FROM messages WHERE app_no > @no AND seq > 0 AND event_type = 'none' ORDER BY seq", [new("no", 0L)]))).Work.ShouldBeGreaterThan(MostWork);
    }

    /// <summary>Statements that differ in numbers and lists of numbers alone are of one kind; whether a parameter is null makes two.</summary>
    private static string Kind(RecordedStatement statement) =>
        Digits().Replace(statement.Sql, "0") + string.Concat(statement.Values.Select(value => value.Value is null ? " null" : " set"));

    private static List<Operation> Operations(JsonElement document) =>
        [.. from path in document.GetProperty("paths").EnumerateObject()
            where path.Name.StartsWith("/api/v1/", StringComparison.Ordinal) && path.Value.TryGetProperty("get", out _)
            let parameters = path.Value.GetProperty("get").TryGetProperty("parameters", out var all) ? all.EnumerateArray().ToList() : []
            select new Operation(
                path.Name["/api/v1".Length..],
                [.. parameters.Where(parameter => parameter.GetProperty("in").GetString() == "query" && parameter.GetProperty("name").GetString() is not ("limit" or "cursor"))],
                parameters.Any(parameter => parameter.GetProperty("name").GetString() == "limit"))];

    /// <summary>The operation without filters, by each value of each filter alone, by some of all combinations.</summary>
    private static IEnumerable<string> Requests(Operation operation, Dictionary<string, string[]> samples)
    {
        var path = PathParameter().Replace(operation.Path, match => samples.TryGetValue(match.Groups[1].Value, out var ids) ? ids[0] : "none");
        yield return path;
        var filters = operation.Filters.Select(filter => (Name: filter.GetProperty("name").GetString()!, Values: ValuesOf(filter, samples))).ToList();
        foreach (var (name, values) in filters)
        {
            foreach (var value in values)
            {
                yield return $"{path}?{name}={Uri.EscapeDataString(value)}";
            }
        }
        var random = new Random(1);
        for (var i = 0; i < Combinations * Math.Min(filters.Count - 1, 3); i++)
        {
            var chosen = filters.Where(_ => random.Next(2) == 0).Select(filter => $"{filter.Name}={Uri.EscapeDataString(filter.Values[random.Next(filter.Values.Length)])}").ToList();
            if (!chosen.Contains("inPayload=true") || chosen.Any(filter => filter.StartsWith("q=", StringComparison.Ordinal)))
            {
                yield return $"{path}?{(operation.IsPaged ? $"limit={(i % 5 == 0 ? 250 : 3)}&" : "")}{string.Join('&', chosen)}";
            }
        }
    }

    private static string[] ValuesOf(JsonElement filter, Dictionary<string, string[]> samples)
    {
        var schema = filter.GetProperty("schema");
        return schema.TryGetProperty("enum", out var values) ? [.. values.EnumerateArray().Select(value => value.GetString()!)]
            : schema.GetProperty("type").GetString() == "boolean" ? (filter.GetProperty("name").GetString() == "inPayload" ? ["false"] : ["true", "false"])
            : samples.GetValueOrDefault(filter.GetProperty("name").GetString()!) ?? ["none"];
    }

    /// <summary>Fills the store; answers values of path and query parameters that find much, little and nothing.</summary>
    private static async Task<Dictionary<string, string[]>> Fill(TestServer server, DbConnection connection)
    {
        var now = DateTimeOffset.UtcNow;
        var app = await server.CreateApp(Volume.CommonType, Volume.OtherType, Volume.RareType);
        var endpoints = new List<string>();
        for (var i = 0; i < Recipients; i++)
        {
            endpoints.Add(await server.CreateEndpoint(app, new Uri("https://127.0.0.1:9/hook"), recipient: $"customer_{i}"));
        }
        var otherKey = await server.CreateWorkspace();
        var other = (await server.Post("/api/v1/apps", new { name = "Other" }, otherKey)).Expect(201).Text("appId");
        (await server.Post($"/api/v1/apps/{other}/endpoints", new { recipient = "other", url = "https://127.0.0.1:9/hook" }, otherKey)).Expect(201);
        var volume = new Volume(connection, PostgresDatabaseForTest.IsAsked);
        await volume.AddMessages(app, other, Messages, 40, now);
        await volume.AddRecipients(app, 15_000, now);
        await volume.AddConfiguration(app, 3_000, now);
        await volume.AddReplays(3_000, now);
        var source = (await server.CreateSource()).Id();
        var otherSource = (await server.Post("/api/v1/ingest/sources", new { name = "Other", vendor = "github" }, otherKey)).Expect(201).Text("sourceId");
        await volume.AddEvents(source, otherSource, Messages, 40, now);
        var destination = (await server.Post("/api/v1/ingest/destinations", new { name = "App", sourceId = source, endpointUrl = "http://127.0.0.1:1/" })).Expect(201).Text("destinationId");
        await volume.Analyze();
        string Time(double days) => Hookway.Api.Times.Format(now.AddDays(days));
        return new()
        {
            ["appId"] = [app],
            ["endpointId"] = [endpoints[0], endpoints[1]],
            ["messageId"] = [Volume.MessageId(Messages - 8)],
            ["sourceId"] = [source],
            ["destinationId"] = [destination],
            ["eventId"] = [Volume.EventId(Messages - 8)],
            ["entityKey"] = ["in_popular", "in_10000001", "none"],
            ["replayId"] = ["rpl_01jd3q5x7v0000010000000002"],
            ["name"] = [Volume.CommonType],
            ["recipient"] = ["customer_0", "customer_14", "nobody"],
            ["type"] = [Volume.CommonType, Volume.RareType, "never.sent"],
            ["types"] = [Volume.CommonType, Volume.RareType],
            ["since"] = [Time(-31), Time(-15), Time(-0.01), Time(1)],
            ["until"] = [Time(-31), Time(-15), Time(-0.01), Time(1)],
            ["q"] = [Volume.MessageId(17), "msg_", "customer_0", "customer_", "tenant-", "vendor-", "vendor-10000000017", "in_", "in_popular", "evt_", "account.", "invoice", "o", "Company", "zebra", "none"],
        };
    }

    private static async Task<DbConnection> Connect(TestServer server)
    {
        DbConnection connection = server.PostgresConnectionString is { } postgres
            ? new NpgsqlConnection(postgres)
            : new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(server.Folder, "hookway.db"), Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    /// <param name="Path">Below <c>/api/v1</c>.</param>
    private sealed record Operation(string Path, IReadOnlyList<JsonElement> Filters, bool IsPaged);

    [GeneratedRegex(@"\d+(,-?\d+)*")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathParameter();
}
