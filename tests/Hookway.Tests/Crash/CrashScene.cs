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
/// One data folder with an app and its endpoints, the server processes that run on it one after another, and the receiver that outlives them all.
/// </summary>
public sealed class CrashScene : IAsyncDisposable
{
    private static readonly KeyValuePair<string, string>[] Always =
    [
        new("Hookway__Deliveries__RetrySchedule", "00:00:01,00:00:01"),
        new("Logging__LogLevel__Default", "Warning"),
    ];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("hookway-crash-");
    private ServerProcess? server;
    private bool databaseIsCut;

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
    public HttpClient Client { get; private set; } = null!;

    /// <summary>Settings of the processes that are started from now on, by the names of their environment variables.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; set; } = [];

    /// <param name="endpoints">In the place of those that a scene has by default.</param>
    /// <param name="postgres">In the place of the database that the run asks for.</param>
    public static async Task<CrashScene> Create(
        IReadOnlyList<SceneEndpoint>? endpoints = null, PostgresDatabaseForTest? postgres = null, params IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        var scene = new CrashScene(await ReceiverStub.Start(), postgres ?? await PostgresDatabaseForTest.CreateWhenAsked(), endpoints) { Settings = settings };
        await scene.StartServer();
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
    public async Task StartServer()
    {
        BeginServer();
        Client = await server!.Client();
    }

    /// <summary>Starts the next process and kills it while it starts.</summary>
    public async Task KillWhileStarting(TimeSpan after)
    {
        BeginServer();
        await Task.Delay(after);
        await Kill();
    }

    public async Task Kill()
    {
        await server!.Kill();
        Client.Dispose();
        CheckLog();
    }

    public async Task<int?> Terminate(TimeSpan limit)
    {
        var code = await server!.Terminate(limit);
        Client.Dispose();
        CheckLog();
        return code;
    }

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
    public void ExpectOutage() => databaseIsCut = true;

    public async Task<JsonElement> Get(string path) => await Client.GetFromJsonAsync<JsonElement>(path);

    public Task<JsonElement> Post(string path, object? body = null) => Call(HttpMethod.Post, path, body);

    public Task<JsonElement> Patch(string path, object body) => Call(HttpMethod.Patch, path, body);

    /// <summary>Ends the scene and removes what it kept; without this call the folder stays, to be looked into.</summary>
    public async Task End()
    {
        (await Terminate(TimeSpan.FromSeconds(30))).ShouldBe(0);
        folder.Delete(recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
        await Receiver.DisposeAsync();
        await (postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private void BeginServer()
    {
        Arrivals.BeginLife();
        server = ServerProcess.Start(Folder, Always.Concat(Settings).Concat(postgres?.ServerSettings ?? []));
    }

    private void CheckLog() => server!.Faults
        .Where(line => !databaseIsCut || line.Contains("met a fault", StringComparison.Ordinal) || !line.Contains("fail:", StringComparison.Ordinal)).ShouldBeEmpty();

    private async Task<JsonElement> Call(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await Client.SendAsync(request);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}
