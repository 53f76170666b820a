using System.Diagnostics;
using System.Net;

namespace Hookway.Benchmarks.Lists;

/// <summary>Somebody who looks at the dashboard: the owner of the first workspace, signed in as a browser is.</summary>
public sealed class DashboardVisitor : IDisposable
{
    private const string Password = "a benchmark's password";

    private readonly HttpClient _http;

    private DashboardVisitor(HttpClient http, string workspace)
    {
        _http = http;
        Workspace = workspace;
    }

    /// <summary>Where its pages are.</summary>
    public string Workspace { get; }

    /// <summary>Signs in on a server that runs, by the link that its command prints.</summary>
    /// <param name="settings">The server's, by the names of their environment variables.</param>
    public static async Task<DashboardVisitor> SignIn(int port, string dataFolder, IReadOnlyDictionary<string, string>? settings)
    {
        var link = await OwnerLink(dataFolder, settings);
        var http = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer(), AllowAutoRedirect = true }) { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["workspace"] = "Benchmark", ["name"] = "Visitor", ["email"] = "visitor@example.com", ["password"] = Password,
        });
        using var answer = await http.PostAsync(new Uri(link).AbsolutePath, form);
        var at = answer.RequestMessage!.RequestUri!.AbsolutePath;
        return answer.IsSuccessStatusCode && at.StartsWith("/w/", StringComparison.Ordinal)
            ? new DashboardVisitor(http, at)
            : throw new InvalidOperationException($"Signing in led to {at} with {(int)answer.StatusCode}.");
    }

    /// <summary>Loads a page, and answers how many rows, attempts and cards its lists have.</summary>
    public async Task<int> Load(string path)
    {
        using var answer = await _http.GetAsync(path);
        var html = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? html.AsSpan().Count("<tr class=\"link") + html.AsSpan().Count("<details class=\"attempt\"") + html.AsSpan().Count("endpoint-card") : throw new InvalidOperationException($"{path}: {(int)answer.StatusCode}");
    }

    public void Dispose() => _http.Dispose();

    private static async Task<string> OwnerLink(string dataFolder, IReadOnlyDictionary<string, string>? settings)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Server, "owner-link", $"--Hookway:DataFolder={dataFolder}"]) { RedirectStandardOutput = true, WorkingDirectory = dataFolder };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
        using var command = Process.Start(start)!;
        var printed = await command.StandardOutput.ReadToEndAsync();
        await command.WaitForExitAsync();
        return printed.Split('\n').Select(text => text.Trim()).Last(text => text.StartsWith("http", StringComparison.Ordinal));
    }
}
