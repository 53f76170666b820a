using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Endpoints;

public class EndpointSecretsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Theory]
    [InlineData(null, "whsec_")]
    [InlineData("hmac-sha256", "whsec_")]
    [InlineData("ed25519", "whpk_")]
    public async Task What_is_delivered_verifies_with_the_secret_that_was_shown(string? signature, string prefix)
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var created = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = receiver.Url, signature })).Expect(201);
        var secret = created.Text("secret");
        secret.ShouldStartWith(prefix);
        created.Text("signature").ShouldBe(signature ?? "hmac-sha256");
        var path = $"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}";
        (await Server.Get(path)).Expect(200).Body.TryGetProperty("secret", out _).ShouldBeFalse();
        (await Server.Get($"/api/v1/apps/{app}/endpoints")).Items[0].TryGetProperty("secret", out _).ShouldBeFalse();
        var revealed = (await Server.Get($"{path}/secret")).Expect(200);
        revealed.Text("secret").ShouldBe(secret);
        revealed.Body.GetProperty("previousSecrets").GetArrayLength().ShouldBe(0);

        var message = await Server.Send(app);

        var request = (await receiver.WaitFor(1))[0];
        request.Headers["webhook-id"].ShouldBe(message);
        Verifies(request, secret).ShouldBeTrue();
        Verifies(request, WebhookSecret.Generate(SignatureScheme.HmacSha256).Reveal()).ShouldBeFalse();
    }

    [Fact]
    public async Task Both_secrets_sign_until_the_grace_ends_over_several_rotations()
    {
        await using var receiver = await ReceiverStub.Start();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        var created = (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = receiver.Url })).Expect(201);
        var path = $"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}";
        var first = created.Text("secret");
        var second = (await server.Post($"{path}/rotate-secret", new { gracePeriodSeconds = 60 })).Expect(200);
        second.Body.GetProperty("previousSecretExpiresAt").GetDateTimeOffset().ShouldBe(clock.GetUtcNow().AddSeconds(60), TimeSpan.FromMilliseconds(1));
        var third = (await server.Post($"{path}/rotate-secret")).Expect(200);
        third.Body.GetProperty("previousSecretExpiresAt").GetDateTimeOffset().ShouldBe(clock.GetUtcNow().AddDays(1), TimeSpan.FromMilliseconds(1));
        (await server.Get($"{path}/secret")).Body.GetProperty("previousSecrets").GetArrayLength().ShouldBe(2);

        await server.Send(app);
        var inGrace = (await receiver.WaitFor(1))[0];
        foreach (var secret in new[] { first, second.Text("secret"), third.Text("secret") })
        {
            Verifies(inGrace, secret, clock).ShouldBeTrue();
        }

        await server.Restart();
        clock.Advance(TimeSpan.FromSeconds(61));
        await server.Send(app);
        var after = (await receiver.WaitFor(2))[1];
        Verifies(after, first, clock).ShouldBeFalse();
        Verifies(after, second.Text("secret"), clock).ShouldBeTrue();
        Verifies(after, third.Text("secret"), clock).ShouldBeTrue();
        (await server.Get($"{path}/secret")).Body.GetProperty("previousSecrets").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_rotation_without_grace_ends_every_earlier_secret()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var created = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = receiver.Url })).Expect(201);
        var path = $"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}";

        var rotated = (await Server.Post($"{path}/rotate-secret", new { gracePeriodSeconds = 0 })).Expect(200);
        rotated.Body.GetProperty("previousSecretExpiresAt").ValueKind.ShouldBe(JsonValueKind.Null);
        await Server.Send(app);

        var request = (await receiver.WaitFor(1))[0];
        Verifies(request, created.Text("secret")).ShouldBeFalse();
        Verifies(request, rotated.Text("secret")).ShouldBeTrue();
        request.Headers["webhook-signature"].Split(' ').Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_rotation_may_change_the_scheme()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var created = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = receiver.Url })).Expect(201);
        var path = $"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}";

        var rotated = (await Server.Post($"{path}/rotate-secret", new { signature = "ed25519" })).Expect(200);
        rotated.Text("secret").ShouldStartWith("whpk_");
        (await Server.Get(path)).Text("signature").ShouldBe("ed25519");
        await Server.Send(app);

        var request = (await receiver.WaitFor(1))[0];
        Verifies(request, created.Text("secret")).ShouldBeTrue();
        Verifies(request, rotated.Text("secret")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_callers_own_secret_is_used_and_shown()
    {
        var app = await Server.CreateApp();
        var own = WebhookSecret.Generate(SignatureScheme.HmacSha256).Reveal();
        var key = WebhookSecret.Generate(SignatureScheme.Ed25519);

        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = fixture.Receiver.Url, secret = own })).Expect(201).Text("secret").ShouldBe(own);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = fixture.Receiver.Url, secret = key.Reveal(), signature = "ed25519" }))
            .Expect(201).Text("secret").ShouldBe(key.PublicKey);
    }

    [Theory]
    [InlineData("""{"secret":"whsec_"}""", "secret")]
    [InlineData("""{"secret":"whsec_!!!"}""", "secret")]
    [InlineData("""{"secret":"whsec_c2hvcnQ="}""", "secret")]
    [InlineData("""{"secret":"plain"}""", "secret")]
    [InlineData("""{"secret":""}""", "secret")]
    [InlineData("""{"secret":5}""", "secret")]
    [InlineData("""{"signature":"md5"}""", "signature")]
    [InlineData("""{"signature":"ed25519","secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}""", "secret")]
    [InlineData("""{"gracePeriodSeconds":-1}""", "gracePeriodSeconds")]
    [InlineData("""{"gracePeriodSeconds":604801}""", "gracePeriodSeconds")]
    [InlineData("""{"gracePeriodSeconds":1.5}""", "gracePeriodSeconds")]
    [InlineData("""{"gracePeriodSeconds":99999999999}""", "gracePeriodSeconds")]
    public async Task A_refused_rotation_changes_nothing(string body, string field)
    {
        var app = await Server.CreateApp();
        var created = (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = fixture.Receiver.Url })).Expect(201);
        var path = $"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}";

        (await Server.Raw(HttpMethod.Post, $"{path}/rotate-secret", body)).ExpectInvalid(field);

        (await Server.Get($"{path}/secret")).Text("secret").ShouldBe(created.Text("secret"));
    }

    [Fact]
    public async Task Neither_secrets_nor_header_values_lie_readable_in_the_store()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        var created = (await server.Post(
            $"/api/v1/apps/{app}/endpoints", new { recipient = "a", url = fixture.Receiver.Url, headers = new Dictionary<string, string> { ["X-Token"] = "tell-nobody" } })).Expect(201);
        var secret = created.Text("secret");
        await server.Stop();

        foreach (var file in Directory.GetFiles(server.Folder, "hookway.db*"))
        {
            var text = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
            text.ShouldNotContain(secret["whsec_".Length..]);
            text.ShouldNotContain("tell-nobody");
            text.ShouldNotContain(TestServer.EverythingKey);
        }
    }

    private static bool Verifies(ReceivedRequest request, string secret, TimeProvider? clock = null) =>
        new WebhookVerifier([WebhookSecret.Parse(secret)], clock).Verify(name => request.Headers.GetValueOrDefault(name), request.Body).IsVerified;
}
