using System.Data.Common;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Hookway.Benchmarks.Subjects;

/// <summary>Where Hookway keeps its messages.</summary>
public enum Store
{
    Embedded,
    Postgres,

    /// <summary>Nowhere: what everything but the store costs.</summary>
    Nothing,
}

/// <summary>Hookway on a fresh store, with an app, an event type and recipients that have one endpoint each.</summary>
public sealed class HookwayUnderTest : Subject
{
    private const string Key = "hwk_BenchmarkKeyThatIsNoSecret00000001";

    private readonly string _folder;
    private readonly Store _store;
    private readonly PrivatePostgres? _postgres;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly List<ServerProcess> _others = [];

    private HookwayUnderTest(
        string folder, Store store, PrivatePostgres? postgres, IReadOnlyDictionary<string, string> settings, ServerProcess process, SendTarget target, Ledger ledger)
        : base($"Hookway, {NameOf(store)}", target, ledger)
    {
        (_folder, _store, _postgres, _settings) = (folder, store, postgres, settings);
        Process = process;
    }

    public ServerProcess Process { get; private set; }

    public override double CpuMicroseconds => OwnCpuMicroseconds + (_postgres?.CpuMicroseconds ?? 0);

    public override double OwnCpuMicroseconds => Process.CpuMicroseconds + _others.Sum(node => node.CpuMicroseconds);

    /// <summary>The nodes beside the first.</summary>
    public IReadOnlyList<ServerProcess> OtherNodes => _others;

    public static string NameOf(Store store) => store switch { Store.Embedded => "embedded store", Store.Postgres => "PostgreSQL", _ => "nothing kept" };

    /// <summary>Starts it and sets it up through its own API.</summary>
    /// <param name="targets">How many recipients, with one endpoint each.</param>
    /// <param name="postgres">The cluster in which it gets a database of its own; null for the stores that need none.</param>
    /// <param name="url">Where the endpoint with this number is; at the receiver when null.</param>
    public static async Task<HookwayUnderTest> Start(
        int targets, MessageLog log, Receiver receiver, Store store = Store.Embedded, PrivatePostgres? postgres = null, Func<int, string>? url = null)
    {
        var folder = Path.Combine(Repository.Data, Guid.CreateVersion7().ToString("N"));
        var settings = store is Store.Postgres ? await postgres!.NewStore() : new Dictionary<string, string>();
        var process = await StartProcess(folder, store, settings);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{process.Port}/api/v1/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        var appId = (await Call(http, HttpMethod.Post, "apps", new { name = "Benchmark" })).GetProperty("appId").GetString();
        await Call(http, HttpMethod.Put, $"apps/{appId}/event-types/{MessageTemplate.EventType}", new { });
        for (var i = 0; i < targets; i++)
        {
            await Call(http, HttpMethod.Post, $"apps/{appId}/endpoints", new
            {
                recipient = MessageTemplate.Recipient(i), url = url?.Invoke(i) ?? receiver.Url, secret = receiver.Secret,
            });
        }
        Func<DbConnection>? books = store switch
        {
            Store.Embedded => () => new SqliteConnection($"Data Source={Path.Combine(folder, "hookway.db")};Mode=ReadOnly;Pooling=False"),
            Store.Postgres => () => new NpgsqlConnection(settings[PrivatePostgres.ConnectionSetting]),
            _ => null,
        };
        return new HookwayUnderTest(
            folder, store, postgres, settings, process, new SendTarget(process.Port, $"/api/v1/apps/{appId}/messages", Key, targets), new Ledger(books, log, receiver));
    }

    public override Task Settle() => Task.WhenAll(All.Select(node => node.Settle()));

    /// <summary>From now on messages go to the first so many recipients.</summary>
    public void SendTo(int targets) => Target = Target with { Targets = targets };

    /// <summary>Ends the process and starts another on the same store.</summary>
    /// <param name="between">Done while none runs, on the store itself.</param>
    /// <param name="settings">More settings of the other, by the names of their environment variables.</param>
    public async Task Restart(Func<DbConnection, Task>? between = null, IReadOnlyDictionary<string, string>? settings = null)
    {
        await Process.DisposeAsync();
        if (between is not null)
        {
            await using var connection = await Open();
            await between(connection);
        }
        Process = await StartProcess(_folder, _store, new Dictionary<string, string>([.. _settings, .. settings ?? new Dictionary<string, string>()]));
        Target = Target with { Port = Process.Port };
    }

    /// <summary>Asks the store for a number, beside the process.</summary>
    public async Task<long> Number(string sql)
    {
        await using var connection = await Open();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private async Task<DbConnection> Open()
    {
        DbConnection connection = _store is Store.Postgres
            ? new NpgsqlConnection(_settings[PrivatePostgres.ConnectionSetting])
            : new SqliteConnection($"Data Source={Path.Combine(_folder, "hookway.db")};Pooling=False");
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Starts another node on the same store.</summary>
    public async Task AddNode()
    {
        _others.Add(await StartProcess(Path.Combine(_folder, $"node{_others.Count + 2}"), _store, _settings));
        SendToNodes(All);
    }

    /// <summary>From now on messages are sent to these of its nodes.</summary>
    public void SendToNodes(params IReadOnlyList<ServerProcess> nodes) => Target = Target with { Port = nodes[0].Port, MorePorts = [.. nodes.Skip(1).Select(node => node.Port)] };

    private IReadOnlyList<ServerProcess> All => [Process, .. _others];

    /// <summary>Asks the store itself.</summary>
    public async Task<T> Look<T>(Func<DbConnection, Task<T>> ask)
    {
        await using var connection = await Open();
        return await ask(connection);
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var node in _others)
        {
            await node.DisposeAsync();
        }
        await Process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static Task<ServerProcess> StartProcess(string folder, Store store, IReadOnlyDictionary<string, string> settings) =>
        store is Store.Nothing ? ServerProcess.StartNothing(folder, Key) : ServerProcess.StartHookway(folder, Key, settings);

    private static async Task<JsonElement> Call(HttpClient http, HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
    }
}
