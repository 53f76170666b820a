using System.Net.Http.Headers;
using System.Text.Json;

namespace Hookway.Benchmarks;

/// <summary>Hookway on a fresh data folder, with an app, an event type and recipients that have one endpoint each at the receiver.</summary>
public sealed class HookwayUnderTest : IAsyncDisposable
{
    private const string Key = "hwk_BenchmarkKeyThatIsNoSecret00000001";

    private const int WarmUpConnections = 64;

    private readonly string _folder;

    private HookwayUnderTest(string folder, ServerProcess process, SendTarget target, MessageLog log, Receiver receiver)
    {
        _folder = folder;
        Process = process;
        Target = target;
        Ledger = new Ledger(Path.Combine(folder, "hookway.db"), log, receiver);
    }

    public ServerProcess Process { get; private set; }

    public SendTarget Target { get; private set; }

    public Ledger Ledger { get; }

    /// <summary>Starts it and sets it up through its own API.</summary>
    public static async Task<HookwayUnderTest> Start(int targets, MessageLog log, Receiver receiver)
    {
        var folder = Path.Combine(Repository.Data, Guid.CreateVersion7().ToString("N"));
        var process = await ServerProcess.StartHookway(folder, Key);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{process.Port}/api/v1/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        var appId = (await Call(http, HttpMethod.Post, "apps", new { name = "Benchmark" })).GetProperty("appId").GetString();
        await Call(http, HttpMethod.Put, $"apps/{appId}/event-types/{MessageTemplate.EventType}", new { });
        for (var i = 0; i < targets; i++)
        {
            await Call(http, HttpMethod.Post, $"apps/{appId}/endpoints", new { recipient = MessageTemplate.Recipient(i), url = receiver.Url, secret = receiver.Secret });
        }
        return new HookwayUnderTest(folder, process, new SendTarget(process.Port, $"/api/v1/apps/{appId}/messages", Key, targets), log, receiver);
    }

    /// <summary>Loads it in every way that is measured, twice, because the runtime compiles what is hot in two stages, and lets it settle each time.</summary>
    public async Task WarmUp(MessageLog log, TimeSpan length)
    {
        foreach (var delivers in (bool[])[false, true, false, true])
        {
            Ledger.Begin();
            await LoadGenerator.Closed(Target, log, WarmUpConnections, length / 4, delivers);
            await Ledger.Drain();
            await Process.Settle();
        }
    }

    /// <summary>Ends the process and starts another on the same data folder.</summary>
    public async Task Restart()
    {
        await Process.DisposeAsync();
        Process = await ServerProcess.StartHookway(_folder, Key);
        Target = Target with { Port = Process.Port };
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<JsonElement> Call(HttpClient http, HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
    }
}
