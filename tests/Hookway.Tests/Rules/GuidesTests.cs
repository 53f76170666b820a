using System.Diagnostics;
using System.Text.RegularExpressions;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>What the guides tell people to type works: their shell blocks run in order against a real server, and their receivers judge real deliveries.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed partial class GuidesTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-guides-").FullName;
    private TestServer _server = null!;
    private ReceiverStub _receiver = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.Start();
        _receiver = await ReceiverStub.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _receiver.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("send-your-first-webhook", 2)]
    [InlineData("retries-and-replay", 2)]
    [InlineData("portal-sessions", 0)]
    [InlineData("issues-and-anomalies", 0)]
    [InlineData("receive-from-github", 0)]
    [InlineData("receive-from-stripe", 0)]
    [InlineData("receive-from-a-custom-sender", 0)]
    public async Task The_commands_of_a_guide_work_as_printed(string guide, int requests)
    {
        await Shell(Blocks(guide, "bash"));
        await TestServer.Until(() => _receiver.Requests.Count >= requests);
    }

    [Fact]
    public void The_record_of_the_guide_is_one_of_a_vendor_that_verifies_and_reads()
    {
        var record = Blocks("add-a-vendor", "json").ShouldHaveSingleItem();
        var vendor = System.Text.Json.JsonSerializer.Deserialize<VendorPreset>(record, Hookway.Api.ApiJson.Options)!;
        var (body, at) = ("""{"id":"e1","type":"order.paid","data":{"id":"o1"},"created":1769860798}""", DateTimeOffset.FromUnixTimeSeconds(1_769_860_800));
        var signature = "v1=" + Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData("secret"u8, System.Text.Encoding.UTF8.GetBytes($"1769860800.{body}")));
        VendorRequest Request(int later) => new("POST", "https://hooks.example.com/in",
            [new("X-Acme-Signature", signature), new("X-Acme-Timestamp", "1769860800")], System.Text.Encoding.UTF8.GetBytes(body), at.AddSeconds(later));

        new Verifier(vendor.Scheme, ["secret"]).Verify(Request(0)).Reason.ShouldBe(VerdictReasons.Verified);
        new Verifier(vendor.Scheme, ["secret"]).Verify(Request(302)).Reason.ShouldBe(VerdictReasons.TimestampTooOld);
        var facts = EventFacts.Of(vendor, Request(0));
        (facts.VendorEventId, facts.Type, facts.EntityKey, facts.OccurredAt).ShouldBe(("e1", "order.paid", "o1", DateTimeOffset.FromUnixTimeSeconds(1_769_860_798)));
        vendor.Rules.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_commands_of_operating_work_as_printed()
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder, "data")).FullName;
        var run = Path.Combine(_folder, "run");
        File.WriteAllText(run, $"#!/usr/bin/env bash\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "hookway.dll")}' \"$@\"\n");
        File.SetUnixFileMode(run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using var server = ServerProcess.Start(data);
        using var client = await server.Client();

        var output = await Shell(Blocks("operate", "bash"), ("HOOKWAY_URL", client.BaseAddress!.ToString().TrimEnd('/')), ("HOOKWAY_KEY", ServerProcess.ApiKey), ("Hookway__DataFolder", data));

        output.ShouldContain("hwk_");
        output.ShouldContain("ready");
    }

    [Theory]
    [InlineData("js", "receive.mjs", "node")]
    [InlineData("python", "receive.py", "python3")]
    [InlineData("csharp", "receive.cs", "dotnet")]
    [InlineData("go", "receive.go", "go")]
    public async Task The_receivers_of_the_guide_take_what_is_genuine_and_refuse_the_rest(string language, string file, string program)
    {
        var code = Blocks("receive-and-verify", language).ShouldHaveSingleItem();
        var path = Path.Combine(_folder, file);
        File.WriteAllText(path, language == "csharp"
            ? $"#:sdk Microsoft.NET.Sdk.Web\n#:project {Path.Combine(Repository.Root, "src/Hookway.Webhooks/Hookway.Webhooks.csproj")}\n{code}"
            : code);
        var secret = "whsec_" + Convert.ToBase64String([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
        var port = FreePort();
        using var receiver = Start(program, program is "dotnet" or "go" ? ["run", path] : [path], ("PORT", port), ("WEBHOOK_SECRET", secret));
        try
        {
            var app = await _server.CreateApp();
            await _server.CreateEndpoint(app, new Uri($"http://127.0.0.1:{port}/hook"), new { secret, retryBackoffSeconds = 1, retryMaxAttempts = 20 });
            await TestServer.Until(() => IsOpen(port), () => receiver.HasExited ? "The receiver ended." : "The receiver does not listen.", Patience);

            await _server.WaitForMessage(app, await _server.Send(app, new { text = "ünïcödé" }), "succeeded");

            (await _server.Request(HttpMethod.Post, $"http://127.0.0.1:{port}/hook", new StringContent("{}"), key: null,
                ("webhook-id", "msg_1"), ("webhook-timestamp", $"{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()}"), ("webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))).Expect(401);
        }
        finally
        {
            receiver.Kill(entireProcessTree: true);
            await receiver.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    private async Task<string> Shell(IReadOnlyList<string> blocks, params (string Name, string Value)[] more)
    {
        blocks.ShouldNotBeEmpty();
        var script = Path.Combine(_folder, "guide.sh");
        File.WriteAllText(script, "set -euo pipefail\n" + string.Join("\n", blocks));
        using var shell = Start("bash", [script], [("HOOKWAY_URL", _server.Address.ToString().TrimEnd('/')), ("HOOKWAY_KEY", TestServer.EverythingKey), ("RECEIVER", _receiver.Url.ToString()), .. more]);
        var output = shell.StandardOutput.ReadToEndAsync();
        var errors = shell.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        await shell.WaitForExitAsync(patience.Token);
        shell.ExitCode.ShouldBe(0, await output + await errors);
        return await output;
    }

    private Process Start(string program, IReadOnlyList<string> arguments, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    private static IReadOnlyList<string> Blocks(string guide, string language) => [.. Fence().Matches(Repository.Read($"docs/guides/{guide}.md"))
        .Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value)];

    private static string FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<bool> IsOpen(string port)
    {
        using var client = new System.Net.Sockets.TcpClient();
        try
        {
            await client.ConnectAsync(System.Net.IPAddress.Loopback, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^```(\w+)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
