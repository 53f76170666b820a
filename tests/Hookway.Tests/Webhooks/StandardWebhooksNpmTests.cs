using System.Globalization;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Webhooks;

/// <summary>Messages of ours as the npm package <c>standardwebhooks</c> sees them, which knows nothing of Hookway.</summary>
public class StandardWebhooksNpmTests
{
    // The package reads the wall clock.
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private static readonly string NpmFolder = Path.Combine(StandardWebhooksVectors.Folder, "npm");

    [Fact]
    public async Task The_npm_package_accepts_what_we_sign_and_refuses_what_was_changed()
    {
        var secret = WebhookSecret.Generate(SignatureScheme.HmacSha256);
        var old = WebhookSecret.Generate(SignatureScheme.HmacSha256);
        var key = WebhookSecret.Generate(SignatureScheme.Ed25519);
        string[] bodies = ["", "{}", """{"type":"invoice.paid","name":"Zoë ✓","amount":1.10}""", $"\"{new string('x', 300_000)}\""];

        var accepted = bodies
            .Select(body => Message(secret, [secret], body))
            .Append(Message(secret, [old, key, secret], "{}"))
            .Append(Message(old, [secret, old], "{}"))
            .ToArray();
        var refused = new[]
        {
            Message(secret, [secret], "{}") with { Body = "{ }" },
            Message(secret, [secret], "{}") with { Id = "msg_other" },
            Message(secret, [secret], "{}") with { SentAt = Now.AddSeconds(1) },
            Message(secret, [old, key], "{}"),
            Message(secret, [secret], "{}", Now.AddMinutes(-10)),
            Message(secret, [secret], "{}", Now.AddMinutes(10)),
        };

        var verdicts = await AskNpm([.. accepted, .. refused]);

        verdicts.Take(accepted.Length).ShouldAllBe(verdict => verdict.Ok);
        verdicts.Skip(accepted.Length).Select(verdict => verdict.Error).ShouldBe(
        [
            .. Enumerable.Repeat("No matching signature found", 4), "Message timestamp too old", "Message timestamp too new",
        ]);
    }

    [Fact]
    public async Task The_npm_package_accepts_the_request_that_arrives_with_either_secret_during_a_rotation()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";
        var old = (await server.Get($"{path}/secret")).Expect(200).Text("secret");
        await server.Send(app, new { amount = 42, name = "Zoë ✓" });
        var before = (await receiver.WaitFor(1))[0];
        var current = (await server.Post($"{path}/rotate-secret")).Expect(200).Text("secret");
        await server.Send(app, new { amount = 43 });
        var during = (await receiver.WaitFor(2))[1];

        var verdicts = await AskNpm([Arrived(before, old), Arrived(before, current), Arrived(during, old), Arrived(during, current)]);

        verdicts.Select(verdict => verdict.Ok).ShouldBe([true, false, true, true]);
    }

    private static SignedMessage Arrived(ReceivedRequest request, string secret) => new(
        secret, request.Headers[WebhookHeaders.Id],
        DateTimeOffset.FromUnixTimeSeconds(long.Parse(request.Headers[WebhookHeaders.Timestamp], CultureInfo.InvariantCulture)),
        Encoding.UTF8.GetString(request.Body), request.Headers[WebhookHeaders.Signature]);

    private static SignedMessage Message(WebhookSecret verifyWith, WebhookSecret[] signWith, string body, DateTimeOffset? at = null)
    {
        var sentAt = at ?? Now;
        return new SignedMessage(verifyWith.Reveal(), "msg_npm", sentAt, body,
            WebhookSignature.Sign(signWith, "msg_npm", sentAt, Encoding.UTF8.GetBytes(body)));
    }

    private static async Task<IReadOnlyList<Verdict>> AskNpm(IReadOnlyList<SignedMessage> messages)
    {
        var output = await Npm.Run(NpmFolder, "verify.mjs", string.Join('\n', messages.Select(message => message.ToLine())));
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<Verdict>(line, JsonSerializerOptions.Web)!)];
    }

    private sealed record SignedMessage(string Secret, string Id, DateTimeOffset SentAt, string Body, string Signature)
    {
        public string ToLine() => JsonSerializer.Serialize(new
        {
            secret = Secret,
            headers = new Dictionary<string, string>
            {
                [WebhookHeaders.Id] = Id,
                [WebhookHeaders.Timestamp] = SentAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
                [WebhookHeaders.Signature] = Signature,
            },
            body = Convert.ToBase64String(Encoding.UTF8.GetBytes(Body)),
        });
    }

    private sealed record Verdict(bool Ok, string? Error);
}
