using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Crash;

/// <summary>An endpoint of the scene.</summary>
/// <param name="FailsFirst">Whether the first arrival of this message is answered with 500.</param>
/// <param name="AnswersAfter">Milliseconds until the answer to this message.</param>
/// <param name="MostAttempts">The server's default when null.</param>
public sealed record SceneEndpoint(
    string Path, string Recipient, bool Ordered, string Signature, Func<int, bool> FailsFirst, Func<int, int> AnswersAfter, int? MostAttempts = null)
{
    public string EndpointId { get; set; } = "";
}

/// <summary>
/// One store with an app and its endpoints, the server processes that run on it, one after another or several nodes at once, and the receiver that outlives them all.
/// </summary>
public sealed class CrashScene : IAsyncDisposable
{
    private static readonly KeyValuePair<string, string>[] Always =
    [
        // On a shared store, what a process that was killed had is taken over when its lease has ended.
        new("Hookway__Node__LeaseSeconds", "3"),
        new("Hookway__Deliveries__RetrySchedule", "00:00:01,00:00:01"),
        new("Logging__LogLevel__Default", "Warning"),
    ];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("hookway-crash-");
    private readonly List<SceneNode> nodes = [];
    private bool databaseWasAway;

    private readonly PostgresDatabaseForTest? postgres;

    private CrashScene(ReceiverStub receiver, PostgresDatabaseForTest? postgres, IReadOnlyList<SceneEndpoint>? endpoints)
    {
        this.postgres = postgres;
        Endpoints = endpoints ?? Endpoints;
        Receiver = receiver;
        receiver.Respond(Arrivals.Receive);
    }

    public static IReadOnlyList<string> Recipients { get; } = ["customer_pair", "customer_flaky", "customer_ordered"];

    /// <summary>Unless others are asked for: two healthy endpoints of one recipient, one that fails a fifth of the messages once, one that is ordered and fails a few.</summary>
    public IReadOnlyList<SceneEndpoint> Endpoints { get; } =
    [
        new("/quick", Recipients[0], Ordered: false, "hmac-sha256", _ => false, _ => 0),
        new("/slow", Recipients[0], Ordered: false, "hmac-sha256", _ => false, tag => 5 + (tag % 40)),
        new("/flaky", Recipients[1], Ordered: false, "ed25519", tag => tag % 5 == 0, tag => tag % 10),
        new("/ordered", Recipients[2], Ordered: true, "hmac-sha256", tag => tag % 97 == 0, _ => 0),
    ];

    public ReceiverStub Receiver { get; }
    public Arrivals Arrivals { get; } = new();
    public string AppId { get; private set; } = "";
    public string Folder => folder.FullName;

    /// <summary>The processes that run at once, on a store that they share.</summary>
    public IReadOnlyList<SceneNode> Nodes => nodes;

    public HttpClient Client => nodes[0].Client;

    /// <summary>Settings of the processes that are started from now on, by the names of their environment variables.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; set; } = [];

    /// <param name="endpoints">In the place of those that a scene has by default.</param>
    /// <param name="postgres">In the place of the database that the run asks for.</param>
    public static Task<CrashScene> Create(
        IReadOnlyList<SceneEndpoint>? endpoints = null, PostgresDatabaseForTest? postgres = null, params IReadOnlyList<KeyValuePair<string, string>> settings) =>
        Create(1, endpoints, postgres, settings);

    /// <summary>One with several nodes, which need PostgreSQL; the way of each to it can be cut.</summary>
    public static Task<CrashScene> CreateShared(int nodes, params IReadOnlyList<KeyValuePair<string, string>> settings) => Create(nodes, null, null, settings);

    private static async Task<CrashScene> Create(
        int nodes, IReadOnlyList<SceneEndpoint>? endpoints, PostgresDatabaseForTest? postgres, IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        var scene = new CrashScene(await ReceiverStub.Start(), postgres ?? await PostgresDatabaseForTest.CreateWhenAsked(), endpoints) { Settings = settings };
        while (scene.nodes.Count < nodes)
        {
            scene.nodes.Add(new SceneNode(scene, nodes == 1 ? null : CuttableWire.To(scene.postgres!.Address)));
            await scene.nodes[^1].Start();
        }
        var app = await scene.Post("/api/v1/apps", new { name = "Crash test" });
        scene.AppId = app.GetProperty("appId").GetString()!;
        using (var published = await scene.Client.PutAsJsonAsync($"/api/v1/apps/{scene.AppId}/event-types/invoice.paid", new { }))
        {
            published.EnsureSuccessStatusCode();
        }

        foreach (var endpoint in scene.Endpoints)
        {
            var made = await scene.Post($"/api/v1/apps/{scene.AppId}/endpoints", new
            {
                recipient = endpoint.Recipient,
                url = scene.Receiver.UrlFor(endpoint.Path),
                ordered = endpoint.Ordered,
                signature = endpoint.Signature,
                retryMaxAttempts = endpoint.MostAttempts,
                retryBackoffSeconds = 1,
            });
            endpoint.EndpointId = made.GetProperty("endpointId").GetString()!;
            scene.Arrivals.Expect(endpoint, WebhookSecret.Parse(made.GetProperty("secret").GetString()!));
        }

        return scene;
    }

    /// <summary>Starts the next process on the folder and waits until it accepts.</summary>
    public Task StartServer() => nodes[0].Start();

    /// <summary>Starts the next process and kills it while it starts.</summary>
    public async Task KillWhileStarting(TimeSpan after)
    {
        nodes[0].Begin();
        await Task.Delay(after);
        await Kill();
    }

    public Task Kill() => nodes[0].Kill();

    public Task<int?> Terminate(TimeSpan limit) => nodes[0].Terminate(limit);

    /// <summary>Waits until no message is pending.</summary>
    public async Task WaitUntilDone(TimeSpan limit)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (await Get($"/api/v1/apps/{AppId}/messages?status=pending&limit=3") is var page && page.GetProperty("data").GetArrayLength() > 0)
        {
            TimeProvider.System.GetElapsedTime(started).ShouldBeLessThan(limit, $"still pending, in {Folder}: {page}");
            await Task.Delay(100);
        }
    }

    /// <summary>Ends every connection to the database at once, as its restart or a broken network would. From now on the server's log may tell of it.</summary>
    public Task CutConnections()
    {
        ExpectOutage();
        return postgres!.CutConnections();
    }

    /// <summary>The database is about to go away: from now on the server's log may tell of it.</summary>
    public void ExpectOutage() => databaseWasAway = true;

    /// <summary>Whether a node's log may tell of the database's absence.</summary>
    public bool DatabaseWasAway => databaseWasAway;

    /// <summary>What a process is started with.</summary>
    /// <param name="wire">Its way to the database, if it has one of its own.</param>
    internal IEnumerable<KeyValuePair<string, string>> SettingsOf(CuttableWire? wire) =>
        Always.Concat(Settings).Concat(wire is null ? postgres?.ServerSettings ?? [] : postgres!.ServerSettingsThrough(wire.Port));

    /// <summary>How many nodes the store knows.</summary>
    public Task<long> KnownNodes() => postgres!.Scalar("SELECT count(*) FROM nodes");

    public async Task<JsonElement> Get(string path) => await Client.GetFromJsonAsync<JsonElement>(path);

    public Task<JsonElement> Post(string path, object? body = null) => Call(HttpMethod.Post, path, body);

    public Task<JsonElement> Patch(string path, object body) => Call(HttpMethod.Patch, path, body);

    /// <summary>Ends the scene and removes what it kept; without this call the folder stays, to be looked into.</summary>
    public async Task End()
    {
        foreach (var node in nodes)
        {
            (await node.Terminate(TimeSpan.FromSeconds(30))).ShouldBe(0);
        }
        folder.Delete(recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
        await Receiver.DisposeAsync();
        await (postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private async Task<JsonElement> Call(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await Client.SendAsync(request);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}
