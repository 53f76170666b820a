using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Ingest.Verification;
using Hookway.Tests.Ingest.Verification;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>What attackers try, over the real route: each is refused with its status, and kept with its reason where it came as far as the signature.</summary>
public sealed class AttacksTests(AttacksTests.AttackedServer attacked) : IClassFixture<AttacksTests.AttackedServer>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_384_805);

    private readonly TestServer _server = attacked.Server;

    /// <summary>A server whose clock is that of the vectors.</summary>
    public sealed class AttackedServer : IAsyncLifetime
    {
        public TestServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await TestServer.Start(new() { ["Hookway:Ingest:BodyBytes"] = "32768" }, new FakeTimeProvider(Now));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    /// <summary>vendor, attack, status, reason: one vendor for each way to sign.</summary>
    [Theory]
    [InlineData("stripe", "forged", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("stripe", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("stripe", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("stripe", "no signature", 401, VerdictReasons.SignatureMissing)]
    [InlineData("stripe", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("stripe", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("stripe", "oversized", 413, null)]
    [InlineData("github", "forged", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("github", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("github", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("github", "no signature", 401, VerdictReasons.SignatureMissing)]
    [InlineData("github", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("github", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("github", "oversized", 413, null)]
    [InlineData("shopify", "forged", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("shopify", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("shopify", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("shopify", "no signature", 401, VerdictReasons.SignatureMissing)]
    [InlineData("shopify", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("shopify", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("slack", "forged", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("slack", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("slack", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("slack", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("slack", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("svix", "forged", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("svix", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("svix", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("svix", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("svix", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("discord", "truncated", 401, VerdictReasons.SignatureMismatch)]
    [InlineData("discord", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("discord", "other encoding", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("discord", "other algorithm", 401, VerdictReasons.SignatureMalformed)]
    [InlineData("gitlab", "forged", 401, VerdictReasons.TokenMismatch)]
    [InlineData("gitlab", "doubled header", 401, VerdictReasons.SignatureRepeated)]
    [InlineData("gitlab", "no signature", 401, VerdictReasons.SignatureMissing)]
    public async Task It_is_refused(string vendor, string attack, int status, string? reason)
    {
        var vector = VendorVectors.Find(vendor);
        var (url, query) = vector.Url.Split('?') is [var path, var rest] ? (path, "?" + rest) : (vector.Url, "");
        var source = await _server.CreateSource(vendor, new { publicUrl = url }, attack == "forged" ? Another(vector.Secret) : vector.Secret);
        var body = Convert.FromBase64String(vector.BodyBase64);
        var name = SignatureHeader(vector);
        var headers = vector.Headers.ToList();
        var signature = vector.Headers[name];
        switch (attack)
        {
            case "truncated":
                body = body[..^1];
                break;
            case "doubled header":
                headers.Add(new(name, signature));
                break;
            case "no signature":
                headers.RemoveAll(header => header.Key == name);
                break;
            case "other encoding":
                Put(Reencoded(signature));
                break;
            case "other algorithm":
                Put(WithDigest(signature, HMACSHA1.HashData(Encoding.UTF8.GetBytes(vector.Secret), body)));
                break;
            case "oversized":
                body = [.. body, .. Enumerable.Repeat((byte)' ', 32768)];
                break;
        }

        (await Send()).ShouldBe(status);

        if (reason is null)
        {
            (await _server.Events(source)).ShouldBeEmpty();
            var refused = (await _server.Get($"/api/v1/ingest/sources/{source.Id()}/refused-requests")).Items.ShouldHaveSingleItem();
            (refused.GetProperty("status").GetInt32(), refused.GetProperty("code").GetString()).ShouldBe((413, "payload_too_large"));
            return;
        }
        var kept = (await _server.Events(source))[0];
        (kept.GetProperty("signatureStatus").GetString(), kept.GetProperty("signatureError").GetString()).ShouldBe(("failed", reason));
        var shown = await _server.Event(kept.GetProperty("eventId").GetString()!);
        shown.ToString().ShouldNotContain(vector.Secret);
        shown.GetProperty("deliveries").GetArrayLength().ShouldBe(0);
        (await _server.Events(source, "&signatureStatus=verified")).ShouldBeEmpty();

        void Put(string value) => headers[headers.FindIndex(header => header.Key == name)] = new(name, value);

        Task<int> Send() => SendRaw(_server, source.Path() + query, vector.Method, headers, body);
    }

    [Fact]
    public async Task Whatever_the_vendors_libraries_refuse_is_refused_over_the_route_and_kept_with_the_reason()
    {
        var sources = new Dictionary<(string, string, string), JsonElement>();
        var refused = 0;
        foreach (var vector in VendorVectors.All.Where(vector => vector is { Case: not "good", Certificate: null } && vector.Now == Now.ToUnixTimeSeconds()))
        {
            var (url, query) = vector.Url.Split('?') is [var path, var rest] ? (path, "?" + rest) : (vector.Url, "");
            if (!sources.TryGetValue((vector.Vendor, vector.Secret, url), out var source))
            {
                sources[(vector.Vendor, vector.Secret, url)] = source = await _server.CreateSource(vector.Vendor, new { publicUrl = url }, vector.Secret.Length == 0 ? null : vector.Secret);
            }

            var status = await SendRaw(_server, source.Path() + query, vector.Method, [.. vector.Headers], Convert.FromBase64String(vector.BodyBase64));

            if (vector.Expected is SignatureStatus.Failed)
            {
                status.ShouldBe(vector.Preset.Refused?.Status ?? 401, $"{vector}");
                var kept = (await _server.Events(source, "&limit=1"))[0];
                (kept.GetProperty("signatureStatus").GetString(), kept.GetProperty("signatureError").GetString()).ShouldBe(("failed", vector.Verify(vector.Request).Reason), $"{vector}");
                refused++;
            }
            else
            {
                status.ShouldBeInRange(200, 299, $"{vector}");
            }
        }
        refused.ShouldBeGreaterThan(300);
    }

    [Theory]
    [InlineData("stripe")]
    [InlineData("slack")]
    [InlineData("svix")]
    public async Task What_was_genuine_once_is_refused_when_it_is_replayed_later(string vendor)
    {
        var clock = new FakeTimeProvider(Now);
        await using var server = await TestServer.Start(clock: clock);
        var vector = VendorVectors.Find(vendor);
        var source = await server.CreateSource(vendor, secret: vector.Secret);
        Task<int> Send() => SendRaw(server, source.Path(), vector.Method, [.. vector.Headers], Convert.FromBase64String(vector.BodyBase64));

        (await Send()).ShouldBe(200);
        clock.Advance(TimeSpan.FromSeconds(vector.Preset.Scheme.ToleranceSeconds!.Value + 2));
        (await Send()).ShouldBe(401);

        var kept = await server.Events(source);
        kept.Select(item => item.GetProperty("signatureError").GetString()).ShouldBe([VerdictReasons.TimestampTooOld, null]);
        kept[0].GetProperty("duplicateOf").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task What_is_sent_again_in_time_is_taken_and_known_as_a_duplicate()
    {
        var vector = VendorVectors.Find("stripe");
        var source = await _server.CreateSource("stripe", secret: vector.Secret);
        Task<Answer> Send() => _server.Deliver(
            source.Path(), Convert.FromBase64String(vector.BodyBase64), null, null, [.. vector.Headers.Select(header => (header.Key, header.Value))]);

        var first = (await Send()).Expect(200);
        var again = (await Send()).Expect(200);

        again.Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await _server.Event(again.Text("eventId"))).GetProperty("duplicateOf").GetString().ShouldBe(first.Text("eventId"));
    }

    /// <summary>A secret of the same form.</summary>
    private static string Another(string secret) => secret.StartsWith("whsec_", StringComparison.Ordinal) ? "whsec_" + Convert.ToBase64String(new byte[24]) : secret + "00";

    private static string SignatureHeader(VendorVector vector) => vector.Preset.Scheme.Signature.Select(place => ValueSource.Parse(place).HeaderName)
        .Select(name => vector.Headers.Keys.FirstOrDefault(key => key.Equals(name, StringComparison.OrdinalIgnoreCase))).First(key => key is not null)!;

    /// <summary>The same signature in base64 where it was in hex, and the other way about.</summary>
    private static string Reencoded(string signature)
    {
        var (before, value) = Split(signature);
        return before + (IsHex(value) ? Convert.ToBase64String(Convert.FromHexString(value)) : Convert.ToHexStringLower(Convert.FromBase64String(value)));
    }

    private static string WithDigest(string signature, byte[] digest)
    {
        var (before, value) = Split(signature);
        return before + (IsHex(value) ? Convert.ToHexStringLower(digest) : Convert.ToBase64String(digest));
    }

    private static (string Before, string Value) Split(string signature)
    {
        var at = signature.TrimEnd('=').LastIndexOfAny(['=', ',']) + 1;
        return (signature[..at], signature[at..]);
    }

    private static bool IsHex(string text) => text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit);

    /// <summary>Sends these headers as they are, also one that is there twice; answers the status.</summary>
    private static async Task<int> SendRaw(TestServer server, string path, string method, List<KeyValuePair<string, string>> headers, byte[] body)
    {
        var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: vendor.example\r\nConnection: close\r\nContent-Length: {body.Length}\r\n");
        foreach (var (name, value) in headers.Where(header => !header.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && !header.Key.Equals("Host", StringComparison.OrdinalIgnoreCase)))
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }
        using var client = new TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(head.Append("\r\n").ToString()), TestContext.Current.CancellationToken);
        await stream.WriteAsync(body, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        return int.Parse(line!.Split(' ')[1], CultureInfo.InvariantCulture);
    }
}
