using System.Data.Common;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Hookway.Benchmarks.Lists;

/// <summary>How fast lists, searches and statistics answer on a store with a million messages, asked one at a time over the API, on either store.</summary>
public sealed class ListsBenchmark(BenchmarkOptions options, Action<string> progress)
{
    private const int Recipients = 300;
    private const int DataBytes = 1_000;
    private const int Times = 60;
    private const int TimesToWarmUp = 5;
    private const double MostMilliseconds = 100;
    private const string Key = "hwk_BenchmarkKeyThatIsNoSecret00000001";

    private readonly List<ListFigure> _figures = [];

    public async Task<Section> Run()
    {
        await Measure("SQLite", null);
        if (PrivatePostgres.IsInstalled)
        {
            await using var postgres = await PrivatePostgres.Start();
            await Measure("PostgreSQL", postgres);
        }
        return ToSection();
    }

    private async Task Measure(string store, PrivatePostgres? postgres)
    {
        var folder = Path.Combine(Repository.Data, Guid.CreateVersion7().ToString("N"));
        var now = DateTimeOffset.UtcNow;
        Scene scene;
        progress($"lists, {store}: setting up");
        await using (var server = await ServerProcess.StartHookway(folder, Key, postgres?.ServerSettings))
        {
            using var http = Client(server.Port);
            scene = await SetUp(http, now);
        }
        progress($"lists, {store}: adding {options.ListMessages:N0} messages");
        await Fill(folder, postgres, now, scene);
        await using (var server = await ServerProcess.StartHookway(folder, Key, postgres?.ServerSettings))
        {
            using var http = Client(server.Port);
            foreach (var query in ListQuery.All(scene.App, scene.Endpoints, now))
            {
                progress($"lists, {store}: {query.Name}");
                _figures.Add(await Measure(http, store, query));
            }
            using var visitor = await DashboardVisitor.SignIn(server.Port, folder, postgres?.ServerSettings);
            var pages = ListQuery.Pages(scene.App, scene.Endpoints[0], scene.Source, scene.Destination).Select(page => (page.Name, Path: visitor.Workspace + page.Path))
                .Concat(ListQuery.PortalPages(scene.Endpoints[0]).Select(page => (page.Name, Path: scene.Portal + page.Path)));
            foreach (var (name, path) in pages)
            {
                progress($"lists, {store}: {name}");
                _figures.Add(await Measure(store, name, () => visitor.Load(path)));
            }
        }
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Makes an app with recipients and endpoints, another app, and two sources, of which the first has a destination.</summary>
    private static async Task<Scene> SetUp(HttpClient http, DateTimeOffset now)
    {
        var app = (await Call(http, HttpMethod.Post, "apps", new { name = "Benchmark" })).GetProperty("appId").GetString()!;
        foreach (var type in (string[])[Volume.CommonType, Volume.OtherType, Volume.RareType])
        {
            await Call(http, HttpMethod.Put, $"apps/{app}/event-types/{type}", new { });
        }
        var endpoints = new List<string>();
        for (var i = 0; i < Recipients; i++)
        {
            var endpoint = await Call(http, HttpMethod.Post, $"apps/{app}/endpoints", new { recipient = $"customer_{i}", url = "http://127.0.0.1:9/hook" });
            endpoints.Add(endpoint.GetProperty("endpointId").GetString()!);
        }
        var source = (await Call(http, HttpMethod.Post, "ingest/sources", new { name = "Feed", vendor = "github" })).GetProperty("sourceId").GetString()!;
        var destination = await Call(http, HttpMethod.Post, "ingest/destinations", new { name = "Billing", sourceId = source, endpointUrl = "http://127.0.0.1:9/hook" });
        await Call(http, HttpMethod.Post, "ingest/sources", new { name = "Other feed", vendor = "github" });
        var other = (await Call(http, HttpMethod.Post, "apps", new { name = "Other" })).GetProperty("appId").GetString()!;
        await Call(http, HttpMethod.Post, $"apps/{other}/endpoints", new { recipient = "other", url = "http://127.0.0.1:9/hook" });
        var portal = await Call(http, HttpMethod.Post, $"apps/{app}/portal-sessions", new { recipient = "customer_0", expiresInSeconds = 604_800 });
        return new Scene(app, endpoints, source, destination.GetProperty("destinationId").GetString()!, new Uri(portal.GetProperty("url").GetString()!).AbsolutePath.TrimEnd('/'));
    }

    private async Task Fill(string folder, PrivatePostgres? postgres, DateTimeOffset now, Scene scene)
    {
        await using DbConnection connection = postgres is null
            ? new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(folder, "hookway.db"), Pooling = false }.ToString())
            : new NpgsqlConnection(postgres.ConnectionString);
        await connection.OpenAsync();
        var other = await Text(connection, $"SELECT id FROM apps WHERE id <> '{scene.App}'");
        var volume = new Volume(connection, postgres is not null);
        await volume.AddMessages(scene.App, other, options.ListMessages, DataBytes, now);
        await volume.AddEvents(
            await Text(connection, "SELECT id FROM sources ORDER BY no LIMIT 1"), await Text(connection, "SELECT id FROM sources ORDER BY no DESC LIMIT 1"), options.ListMessages, DataBytes, now);
        await volume.AddForwards(scene.Source, scene.Destination);
        await volume.AddRecipients(scene.App, options.ListMessages / 10, now);
        await volume.AddStats(scene.App, now);
        await volume.AddIssues(scene.Source, options.ListMessages / 100, now);
        await volume.AddReplays(options.ListMessages / 100, now);
        await volume.Analyze();
    }

    private static Task<ListFigure> Measure(HttpClient http, string store, ListQuery query) => Measure(store, query.Name, async () =>
    {
        using var answer = await http.GetAsync(query.Path);
        var body = await answer.Content.ReadAsByteArrayAsync();
        return !answer.IsSuccessStatusCode
            ? throw new InvalidOperationException($"{query.Path}: {(int)answer.StatusCode} {System.Text.Encoding.UTF8.GetString(body)}")
            : JsonElement.Parse(body).TryGetProperty("data", out var data) && data.ValueKind is JsonValueKind.Array ? data.GetArrayLength() : 1;
    });

    private static async Task<ListFigure> Measure(string store, string name, Func<Task<int>> load)
    {
        var milliseconds = new double[Times];
        var items = 0;
        for (var i = -TimesToWarmUp; i < Times; i++)
        {
            var start = Stopwatch.GetTimestamp();
            items = await load();
            if (i >= 0)
            {
                milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }
        return new ListFigure(store, name, Latency.Of(milliseconds), items);
    }

    private Section ToSection()
    {
        var stores = _figures.Select(figure => figure.Store).Distinct().ToList();
        var rows = _figures.GroupBy(figure => figure.Query).Select(query => (IReadOnlyList<string>)
        [
            query.Key,
            $"{query.First().Items}",
            .. stores.SelectMany(store => query.First(figure => figure.Store == store) is var figure
                ? (string[])[$"{figure.Latency.P50:F1}", $"{figure.Latency.P99:F1}"]
                : []),
        ]).ToList();
        return new Section(
            "Lists, search and statistics",
            $"A store with {options.ListMessages:N0} messages of 1 KB from 30 days, as many deliveries and attempts, {options.ListMessages / 10:N0} recipients; one app has nine in ten of them and one " +
            $"recipient three in ten; as many events, nine in ten of one source, of which one in five were forwarded; {options.ListMessages / 100:N0} issues and as many replays. Each is asked {Times} times, one at a time, over the API, and pages of the dashboard and of a portal as a browser does; pages of 50. A page looks at no more than 10,000 rows: *items* are those of the first page.",
            ["", "items", .. stores.SelectMany(store => (string[])[$"{store} p50 ms", "p99 ms"])],
            rows, _figures, [],
            [.. stores.Select(store =>
            {
                var slowest = _figures.Where(figure => figure.Store == store).MaxBy(figure => figure.Latency.P50)!;
                return new Goal(
                    $"median of the slowest list on {store} ({slowest.Query})", $"{slowest.Latency.P50:F1} ms", $"≤ {MostMilliseconds:F0} ms", slowest.Latency.P50 <= MostMilliseconds);
            })]);
    }

    /// <summary>What there is on the server that is measured.</summary>
    /// <param name="Endpoints">Those of the app's recipients, the one with most messages first.</param>
    /// <param name="Portal">Where the pages of the recipient with most messages are.</param>
    private sealed record Scene(string App, IReadOnlyList<string> Endpoints, string Source, string Destination, string Portal);

    private static HttpClient Client(int port)
    {
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/api/v1/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return http;
    }

    private static async Task<JsonElement> Call(HttpClient http, HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
    }

    private static async Task<string> Text(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (string)(await command.ExecuteScalarAsync())!;
    }
}

/// <summary>One query on one store.</summary>
/// <param name="Items">How many items its first page had.</param>
public sealed record ListFigure(string Store, string Query, Latency Latency, int Items);
