using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hookway.Tests.Support;
using Hookway.Ui;
using Hookway.Webhooks;

namespace Hookway.Tests.Ui;

/// <summary>The examples that customers copy do what they say.</summary>
public sealed class VerifySnippetsTests : IDisposable
{
    private const string Body = """{"type":"invoice.paid","name":"Zoë ✓ 'quoted'"}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-test-").FullName;
    private readonly WebhookSecret _secret = WebhookSecret.Generate(SignatureScheme.HmacSha256);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0, false, true)]
    [InlineData(0, true, false)]
    [InlineData(-600, false, false)]
    public async Task The_example_for_Node_tells_good_from_bad(int seconds, bool changed, bool good)
    {
        var (time, signature) = Sign(seconds);
        await File.WriteAllTextAsync(Path.Combine(_folder, "verify.mjs"), Code("Node"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_folder, "run.mjs"), """
            import { verify } from "./verify.mjs";
            const [time, signature, secret, body] = process.argv.slice(2);
            console.log(verify({ "webhook-id": "msg_1", "webhook-timestamp": time, "webhook-signature": signature }, body, secret));
            """, TestContext.Current.CancellationToken);
        (await Run("node", "run.mjs", time, $"v1,AAAA v2,x {signature}", _secret.Reveal(), changed ? Body + " " : Body)).ShouldBe(good ? "true" : "false");
    }

    [Theory]
    [InlineData(0, false, "True")]
    [InlineData(0, true, "False")]
    [InlineData(-600, false, "False")]
    public async Task The_example_for_Python_tells_good_from_bad(int seconds, bool changed, string verdict)
    {
        var (time, signature) = Sign(seconds);
        await File.WriteAllTextAsync(Path.Combine(_folder, "run.py"), Code("Python") + """

            import sys
            time_, signature, secret, body = sys.argv[1:]
            print(verify({"webhook-id": "msg_1", "webhook-timestamp": time_, "webhook-signature": signature}, body.encode(), secret))
            """, TestContext.Current.CancellationToken);
        (await Run("python3", "run.py", time, $"v1,AAAA v2,x {signature}", _secret.Reveal(), changed ? Body + " " : Body)).ShouldBe(verdict);
    }

    [Theory]
    [InlineData(false, "valid")]
    [InlineData(true, "invalid")]
    public async Task The_example_for_curl_tells_good_from_bad(bool changed, string verdict)
    {
        var (time, signature) = Sign(0);
        await File.WriteAllTextAsync(Path.Combine(_folder, "body.json"), changed ? Body + " " : Body, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(_folder, "run.sh"), $"ID=msg_1 TIME={time} SIGNATURE='v1,AAAA {signature}' WEBHOOK_SECRET={_secret.Reveal()}\n{Code("curl")}\n", TestContext.Current.CancellationToken);
        (await Run("sh", "run.sh")).ShouldBe(verdict);
    }

    [Fact]
    public async Task The_example_for_curl_sends_what_a_receiver_takes()
    {
        await using var receiver = await ReceiverStub.Start();
        await File.WriteAllTextAsync(Path.Combine(_folder, "body.json"), Body, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(_folder, "run.sh"), $"ID=msg_1 TIME=$(date +%s) SIGNATURE= URL={receiver.Url} WEBHOOK_SECRET={_secret.Reveal()}\n{Code("curl")}\n", TestContext.Current.CancellationToken);
        await Run("sh", "run.sh");
        var sent = receiver.Requests.ShouldHaveSingleItem();
        new WebhookVerifier([_secret]).Verify(name => sent.Headers.GetValueOrDefault(name), sent.Body).ShouldBe(WebhookVerification.Verified);
    }

    private (string Time, string Signature) Sign(int seconds)
    {
        var at = TimeProvider.System.GetUtcNow().AddSeconds(seconds);
        return (at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), WebhookSignature.Sign(_secret, "msg_1", at, Encoding.UTF8.GetBytes(Body)));
    }

    private static string Code(string language) => VerifySnippets.Hmac.Single(snippet => snippet.Language == language).Code;

    private async Task<string> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output.Trim();
    }
}
