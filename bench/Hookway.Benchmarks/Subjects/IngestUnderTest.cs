using System.Net.Http.Headers;
using System.Text.Json;

namespace Hookway.Benchmarks.Subjects;

/// <summary>Hookway on a fresh store, with a source of GitHub's.</summary>
public sealed class IngestUnderTest : IAsyncDisposable
{
    private const string Key = "hwk_BenchmarkKeyThatIsNoSecret00000001";
    private const string Secret = "It's a Secret to Everybody";

    private readonly string _folder;
    private readonly ServerProcess _process;
    private readonly PrivatePostgres? _postgres;
    private readonly HttpClient _api;
    private readonly string _source;

    private IngestUnderTest(string folder, ServerProcess process, PrivatePostgres? postgres, HttpClient api, string source, SendTarget target)
    {
        (_folder, _process, _postgres, _api, _source) = (folder, process, postgres, api, source);
        Name = $"Hookway, {HookwayUnderTest.NameOf(postgres is null ? Store.Embedded : Store.Postgres)}";
        Target = target;
    }

    /// <summary>What the tables call it.</summary>
    public string Name { get; }

    public SendTarget Target { get; }

    public double OwnCpuMicroseconds => _process.CpuMicroseconds;

    public double CpuMicroseconds => OwnCpuMicroseconds + (_postgres?.CpuMicroseconds ?? 0);

    /// <param name="postgres">The cluster in which it gets a database of its own; null for the embedded store.</param>
    public static async Task<IngestUnderTest> Start(PrivatePostgres? postgres)
    {
        var folder = Path.Combine(Repository.Data, Guid.CreateVersion7().ToString("N"));
        var process = await ServerProcess.StartHookway(folder, Key, postgres is null ? new Dictionary<string, string>() : await postgres.NewStore());
        var api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{process.Port}/api/v1/") };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        using var made = await api.PostAsJsonAsync("ingest/sources", new { name = "Benchmark", vendor = "github", signingSecret = Secret });
        made.EnsureSuccessStatusCode();
        var source = JsonElement.Parse(await made.Content.ReadAsStringAsync());
        var path = new Uri(source.GetProperty("ingestUrl").GetString()!).AbsolutePath;
        return new IngestUnderTest(folder, process, postgres, api, source.GetProperty("sourceId").GetString()!, new SendTarget(process.Port, path, "none", 0, SigningSecret: Secret));
    }

    public Task Settle() => _process.Settle();

    /// <summary>How many events it has verified and kept, none of them a duplicate of another.</summary>
    public async Task<long> Verified()
    {
        var counts = JsonElement.Parse(await _api.GetStringAsync($"ingest/sources/{_source}")).GetProperty("counts");
        return counts.GetProperty("verified").GetInt64() - counts.GetProperty("duplicates").GetInt64();
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
