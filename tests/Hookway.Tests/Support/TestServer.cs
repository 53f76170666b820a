using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Hookway.Access;
using Hookway.Hosting;
using Hookway.Storage;

namespace Hookway.Tests.Support;

/// <summary>A whole server on a free loopback port with a store of its own (<see cref="PostgresDatabaseForTest"/> says which), and a small client to it.</summary>
public sealed class TestServer : IAsyncDisposable
{
    public const string EverythingKey = "hwk_TestServerBootstrapKey00000000";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The variable that names the folder for stores; ./test gives one in memory, so that no test waits for a disk.</summary>
    private const string Stores = "HOOKWAY_TEST_STORES";

    private readonly string _folder = NewFolder();
    private readonly Dictionary<string, string?> _settings;
    private readonly TimeProvider? _clock;
    private readonly Action<IServiceCollection>? _replace;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly PostgresDatabaseForTest? _postgres;
    private bool _isGuest;
    private IAsyncDisposable? _claim;
    private WebApplication? _app;

    private TestServer(Dictionary<string, string?> settings, TimeProvider? clock, PostgresDatabaseForTest? postgres, Action<IServiceCollection>? replace)
    {
        _postgres = postgres;
        _settings = new Dictionary<string, string?>(settings)
        {
            ["Urls"] = "http://127.0.0.1:0",
            ["Hookway:DataFolder"] = _folder,
            ["Hookway:Storage:ConnectionString"] = _postgres?.ConnectionString,
            ["Hookway:MasterKey"] = _postgres is null ? null : PostgresDatabaseForTest.MasterKey,
            ["Hookway:BootstrapApiKey"] = EverythingKey,
            ["Logging:LogLevel:Default"] = "None",
        };
        _clock = clock;
        _replace = replace;
    }

    public IServiceProvider Services => _app!.Services;
    public string Folder => _folder;

    /// <summary>That of PostgreSQL; null when the store is the embedded one.</summary>
    public string? PostgresConnectionString => _postgres?.ConnectionString;
    public Uri Address => new(_app!.Urls.First());

    /// <param name="settings">Beside the address, the data folder and the first key.</param>
    /// <param name="clock">The system's when null.</param>
    /// <param name="replace">Parts of the server to put in the place of its own.</param>
    public static async Task<TestServer> Start(
        Dictionary<string, string?>? settings = null, TimeProvider? clock = null, Action<IServiceCollection>? replace = null)
    {
        var server = new TestServer(settings ?? [], clock, await PostgresDatabaseForTest.CreateWhenAsked(), replace);
        await server.Run();
        return server;
    }

    /// <summary>The settings that say which store it is, as the command line takes them.</summary>
    public string[] StoreOptions =>
        [.. _settings.Where(setting => setting is { Value: not null, Key: "Hookway:DataFolder" or "Hookway:Storage:ConnectionString" or "Hookway:MasterKey" }).Select(setting => $"--{setting.Key}={setting.Value}")];

    /// <summary>Gives it another setting, from the next start on.</summary>
    public void Use(string setting, string? value) => _settings[setting] = value;

    /// <summary>Starts it again after a stop.</summary>
    public Task StartAgain() => Run();

    /// <summary>Another node on the same database. It goes before this one.</summary>
    public async Task<TestServer> StartNode(Action<IServiceCollection>? replace = null)
    {
        var node = new TestServer(new Dictionary<string, string?>(_settings), _clock, _postgres!, replace) { _isGuest = true };
        await node.Run();
        return node;
    }

    /// <summary>Stops as an operator would, and starts again on the same data.</summary>
    /// <param name="impatient">Do not wait for attempts in flight.</param>
    public async Task Restart(bool impatient = false)
    {
        await Stop(impatient);
        await Run();
    }

    public async Task Stop(bool impatient = false)
    {
        if (_app is null)
        {
            return;
        }
        try
        {
            await _app.StopAsync(new CancellationToken(canceled: impatient));
        }
        catch (OperationCanceledException)
        {
            // What an impatient stop asks for.
        }
        await _claim!.DisposeAsync();
        await _app.DisposeAsync();
        _app = null;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop(impatient: true);
        _client.Dispose();
        if (_postgres is not null && !_isGuest)
        {
            await _postgres.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }

    public Task<Answer> Get(string path, string? key = EverythingKey) => Request(HttpMethod.Get, path, null, key);

    public Task<Answer> Post(string path, object? body = null, string? key = EverythingKey) => Request(HttpMethod.Post, path, Json(body), key);

    public Task<Answer> Put(string path, object? body = null, string? key = EverythingKey) => Request(HttpMethod.Put, path, Json(body), key);

    public Task<Answer> Patch(string path, object? body = null, string? key = EverythingKey) => Request(HttpMethod.Patch, path, Json(body), key);

    public Task<Answer> Delete(string path, string? key = EverythingKey) => Request(HttpMethod.Delete, path, null, key);

    /// <summary>A request whose body is exactly this text.</summary>
    public Task<Answer> Raw(HttpMethod method, string path, string body, string? key = EverythingKey, params (string Name, string Value)[] headers) =>
        Request(method, path, new StringContent(body, Encoding.UTF8, "application/json"), key, headers);

    public async Task<Answer> Request(HttpMethod method, string path, HttpContent? content, string? key = EverythingKey, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Address, path)) { Content = content };
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value).ShouldBeTrue();
        }
        using var response = await _client.SendAsync(request);
        var answer = new Answer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(), response.Headers, response.Content.Headers.ContentType?.MediaType);
        ApiConformance.Check(method, path, answer);
        return answer;
    }

    /// <summary>A new app in which these types are published.</summary>
    public async Task<string> CreateApp(params string[] types)
    {
        var app = (await Post("/api/v1/apps", new { name = "Billing events" })).Expect(201).Text("appId");
        foreach (var type in types.Length == 0 ? ["invoice.paid"] : types)
        {
            (await Put($"/api/v1/apps/{app}/event-types/{type}", new { })).Expect(201);
        }
        return app;
    }

    /// <summary>A new endpoint; <paramref name="more"/> has further fields of the request.</summary>
    public async Task<string> CreateEndpoint(string app, Uri url, object? more = null, string recipient = "customer_1")
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["recipient"] = recipient;
        body["url"] = url.AbsoluteUri;
        return (await Post($"/api/v1/apps/{app}/endpoints", body)).Expect(201).Text("endpointId");
    }

    /// <summary>Sends a message and answers its id.</summary>
    public async Task<string> Send(string app, object? data = null, string recipient = "customer_1", string type = "invoice.paid") =>
        (await Post($"/api/v1/apps/{app}/messages", new { recipient, type, data = data ?? new { amount = 1 } })).Expect(202).Text("messageId");

    public async Task<JsonElement> Message(string app, string message) => (await Get($"/api/v1/apps/{app}/messages/{message}")).Expect(200).Body;

    public async Task<JsonElement[]> Attempts(string app, string message) =>
        [.. (await Get($"/api/v1/apps/{app}/messages/{message}/attempts?limit=250")).Expect(200).Body.GetProperty("data").EnumerateArray()];

    /// <summary>Waits until the message is as wanted, and fails if it does not come to that.</summary>
    public async Task<JsonElement> WaitForMessage(string app, string message, Func<JsonElement, bool> wanted)
    {
        JsonElement last = default;
        await Until(async () => wanted(last = await Message(app, message)), () => $"The last state was {last}");
        return last;
    }

    public Task<JsonElement> WaitForMessage(string app, string message, string status) =>
        WaitForMessage(app, message, found => found.GetProperty("status").GetString() == status);

    /// <summary>Polls until something holds.</summary>
    public static async Task Until(Func<Task<bool>> holds, Func<string>? otherwise = null, TimeSpan? patience = null)
    {
        var most = patience ?? Patience;
        var started = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(started) > most)
            {
                throw new TimeoutException($"It did not happen within {most.TotalSeconds} s. {otherwise?.Invoke()}");
            }
            await Task.Delay(10);
        }
    }

    public static Task Until(Func<bool> holds, Func<string>? otherwise = null) => Until(() => Task.FromResult(holds()), otherwise);

    /// <summary>A key of the workspace <c>default</c> with these scopes.</summary>
    public async Task<string> CreateKey(IReadOnlyList<string> scopes, DateTimeOffset? expiresAt = null, string workspace = FirstStart.WorkspaceName)
    {
        var key = ApiKey.Generate();
        (await Services.GetRequiredService<ApiKeyStore>().Add((await Workspace(workspace)).No, Actor.System, key, "A test's", scopes, expiresAt)).ShouldNotBeNull();
        return key;
    }

    /// <summary>Another workspace; answers a key to all of it.</summary>
    public async Task<string> CreateWorkspace(string name = "other")
    {
        await Services.GetRequiredService<WorkspaceStore>().FindOrCreate(name, Actor.System);
        return await CreateKey([Scopes.Everything], workspace: name);
    }

    /// <summary>A caller with every right in a workspace, for tests that call a part of the server without a request.</summary>
    public async Task<Caller> Caller(string workspace = FirstStart.WorkspaceName) =>
        Hookway.Access.Caller.OfServer(await Workspace(workspace), Services.GetRequiredService<Configuration>().Version);

    private async Task<Workspace> Workspace(string name) => (await Services.GetRequiredService<WorkspaceStore>().Find(name))!;

    private static string NewFolder() =>
        Environment.GetEnvironmentVariable(Stores) is { Length: > 0 } stores
            ? Directory.CreateDirectory(Path.Combine(stores, "hookway-test-" + Path.GetRandomFileName())).FullName
            : Directory.CreateTempSubdirectory("hookway-test-").FullName;

    private static JsonContent? Json(object? body) => body is null ? null : JsonContent.Create(body, options: new JsonSerializerOptions(JsonSerializerDefaults.Web));

    private async Task Run()
    {
        var settings = ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection(_settings).Build());
        _app = ServerHost.Build(settings, _clock, _replace);
        _claim = _app.Services.GetRequiredService<Database>().Claim();
        await ServerHost.OpenStore(_app.Services);
        await _app.Services.GetRequiredService<FirstStart>().Prepare(settings.BootstrapApiKey);
        await _app.StartAsync();
    }
}

/// <summary>What the server answered.</summary>
public sealed record Answer(int Status, byte[] Bytes, HttpResponseHeaders Headers, string? ContentType)
{
    private readonly Lazy<JsonElement> _body = new(() => JsonElement.Parse(Bytes, new JsonDocumentOptions { MaxDepth = 256 }));

    public JsonElement Body => _body.Value;

    public Answer Expect(int status)
    {
        Status.ShouldBe(status, Encoding.UTF8.GetString(Bytes));
        return this;
    }

    /// <summary>A 400 that blames this field.</summary>
    public Answer ExpectInvalid(string field)
    {
        Expect(400);
        (Body.TryGetProperty("errors", out var errors) && errors.TryGetProperty(field, out _)).ShouldBeTrue(Encoding.UTF8.GetString(Bytes));
        return this;
    }

    public Answer ExpectCode(int status, string code)
    {
        Expect(status).Text("code").ShouldBe(code);
        return this;
    }

    public string Text(string name) => Body.GetProperty(name).GetString()!;

    public JsonElement[] Items => [.. Body.GetProperty("data").EnumerateArray()];
}

/// <summary>One server and one receiver for all tests of a class; each test makes its own app.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    public TestServer Server { get; private set; } = null!;
    public ReceiverStub Receiver { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await TestServer.Start();
        Receiver = await ReceiverStub.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}
