using System.Globalization;
using System.Text;
using CsCheck;
using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>
/// Requests that nobody would write: whatever comes, verifying, reading and answering it throw nothing, and nothing is taken for genuine that was not signed.
/// The longer it runs the more it finds (<c>HOOKWAY_FUZZ_SECONDS</c>); a failure prints the seed that makes it again.
/// </summary>
public class VerifierFuzzTests
{
    private static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("HOOKWAY_FUZZ_SECONDS") ?? "10", CultureInfo.InvariantCulture) / 2;
    private static readonly IReadOnlyList<VendorVector> Genuine = [.. VendorVectors.All.Where(vector => vector.Expected is SignatureStatus.Verified)];

    [Fact]
    public void A_genuine_request_that_was_changed_is_refused() => Gen.Int.Positive.Sample(seed =>
    {
        var random = new Random(seed);
        var vector = Genuine[random.Next(Genuine.Count)];
        var request = new RequestMutator(random).Mutate(vector.Request);

        var verdict = Run(vector.Preset, vector.Verifier, request, vector.Certificates, vector.Secret);

        if (verdict.IsVerified)
        {
            WhatIsSigned(vector.Preset, request).ShouldBe(WhatIsSigned(vector.Preset, vector.Request), $"{vector}: {verdict.Sentence}");
        }
    }, time: Seconds, threads: 1);

    [Fact]
    public void A_request_that_was_made_up_is_never_genuine() => Gen.Int.Positive.Sample(seed =>
    {
        var random = new Random(seed);
        var mutator = new RequestMutator(random);
        var preset = VendorCatalog.All[random.Next(VendorCatalog.All.Count)];
        var good = VendorVectors.All.FirstOrDefault(vector => vector.Vendor == preset.Key);
        // A secret of the right form, but not the one under which anything was signed.
        var secret = preset.Scheme.Algorithm switch
        {
            VerificationAlgorithm.Ed25519 => "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            VerificationAlgorithm.RsaSha1 or VerificationAlgorithm.RsaSha256 when preset.Scheme.Certificate is null => mutator.Text(40),
            // Long enough that chance does not guess it.
            _ => Convert.ToHexStringLower([.. mutator.Bytes(32), .. mutator.Bytes(32), .. new byte[16]]),
        };
        var request = mutator.MakeUp(preset, good?.Request);

        Run(preset, new Verifier(preset.Scheme, [secret]), request, _ => mutator.Bytes(200), secret).IsVerified.ShouldBeFalse($"{preset.Key} {secret}");
    }, time: Seconds, threads: 1);

    /// <summary>Whoever knows the URL may have a handshake's challenge signed; what comes of it must pass as nothing else.</summary>
    [Fact]
    public void What_a_handshake_signs_is_never_a_genuine_event() => Gen.Int.Positive.Sample(seed =>
    {
        var random = new Random(seed);
        var mutator = new RequestMutator(random);
        string challenge = random.Next(4) switch
        {
            0 => random.NextInt64().ToString(CultureInfo.InvariantCulture),
            1 => Convert.ToHexStringLower(mutator.Bytes(17)),
            2 => mutator.Text(40),
            _ => ((string[])["true", "null", "0", "{}", "[]", "\"x\"", "PGEvPg", "eyJhIjoxfQ"])[random.Next(8)],
        };
        var preset = VendorCatalog.All.Where(vendor => vendor.Handshakes.Any(handshake => handshake.Unverified)).ElementAt(random.Next(1_000) % VendorCatalog.All.Count(vendor => vendor.Handshakes.Any(handshake => handshake.Unverified)));
        var secret = preset.Key == "braintree" ? "public|private" : "s3cret";
        var verifier = new Verifier(preset.Scheme, [secret]);
        foreach (var asked in Challenges(challenge))
        {
            if (Handshake.Find(preset, asked, verifier.Verify(asked), [secret], "token") is not { Answer: { } answer })
            {
                continue;
            }
            // Whatever in the answer may be a signature.
            foreach (var said in Encoding.UTF8.GetString(answer.Body).Split('"', '|', '&').Append(Encoding.UTF8.GetString(answer.Body)))
            {
                var signature = preset.Scheme.Prefix + said;
                IReadOnlyList<KeyValuePair<string, string>> headers = [new("Content-Type", "application/json"), .. preset.Scheme.Headers.Select(name => KeyValuePair.Create(name, signature))];
                IReadOnlyList<KeyValuePair<string, string>> form = [new("Content-Type", "application/x-www-form-urlencoded")];
                var signed = $"bt_signature=public%7C{Uri.EscapeDataString(said)}&bt_payload={Uri.EscapeDataString(challenge)}";
                verifier.Verify(new VendorRequest("POST", "https://a.example/in", headers, Encoding.UTF8.GetBytes(challenge), At)).IsVerified.ShouldBeFalse($"{preset.Key} {challenge}");
                verifier.Verify(new VendorRequest("POST", "https://a.example/in", form, Encoding.UTF8.GetBytes(signed), At)).IsVerified.ShouldBeFalse($"{preset.Key} {challenge}");
            }
        }
    }, iter: 20_000, threads: 1);

    private static readonly DateTimeOffset At = DateTimeOffset.FromUnixTimeSeconds(1_795_384_805);

    private static IEnumerable<VendorRequest> Challenges(string challenge)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(challenge);
        foreach (var body in (string[])[
            $$$"""{"eventName":"verify","payload":{"challenge":{{{json}}}}}""", $$$"""{"eventType":"VERIFY","data":{"challenge":{{{json}}}}}""",
            $$$"""{"event":"endpoint.url_validation","payload":{"plainToken":{{{json}}}}}""", $$$"""{"type":"url_verification","challenge":{{{json}}}}"""])
        {
            yield return new VendorRequest("POST", "https://a.example/in", [new("Content-Type", "application/json")], Encoding.UTF8.GetBytes(body), At);
        }
        foreach (var name in (string[])["bt_challenge", "challenge", "hub.challenge", "crc_token", "validationToken"])
        {
            yield return new VendorRequest("GET", $"https://a.example/in?{name}={Uri.EscapeDataString(challenge)}", [], default, At);
        }
    }

    private static Verdict Run(VendorPreset preset, Verifier verifier, VendorRequest request, CertificateLookup? certificates, string secret)
    {
        var verdict = verifier.Verify(request, certificates);
        verifier.Verify(request, certificates).Reason.ShouldBe(verdict.Reason, "the same request has the same verdict");
        var facts = EventFacts.Of(preset, request);
        (facts.DuplicateKey is null).ShouldBe(preset.Repeats && facts.VendorEventId is null);
        (facts.Types.Append(facts.VendorEventId).Concat(facts.EntityKeys).Max(text => text?.Length) ?? 0).ShouldBeLessThanOrEqualTo(EventFacts.MostCharacters);
        Handshake.Find(preset, request, verdict, [secret], "token");
        foreach (var rule in preset.Rules)
        {
            Should.NotThrow(() => rule.Where.All(condition => condition.Holds(request)));
        }
        return verdict;
    }

    /// <summary>
    /// What the vendor vouches for, in a form that is the same for requests that say the same: where it signs the bytes, the bytes; where it signs fields, the fields.
    /// Worked out here without the verifier's own code for it.
    /// </summary>
    private static string WhatIsSigned(VendorPreset preset, VendorRequest request) => preset.Scheme switch
    {
        { EffectiveCoverage: not SignatureCoverage.Body } => "",
        // These sign names and values joined with nothing: where one ends and the next begins, their signature does not say.
        { ContentCode: "twilio" or "mandrill" or "plivo" } => request.QueryText + (IsForm(request) ? string.Concat(Sorted(Fields(request).Distinct())) : Convert.ToHexString(request.Body.Span)),
        { ContentCode: "paddle-classic" } => string.Join('\0', Sorted(Fields(request).Where(field => field.Name != "p_signature"))),
        _ when preset.Key == "braintree" => Fields(request).FirstOrDefault(field => field.Name == "bt_payload").Value?.TrimEnd('\n') ?? "",
        _ => Convert.ToHexString(request.Body.Span),
    };

    private static bool IsForm(VendorRequest request) =>
        request.Header("content-type")?.Split(';')[0].Trim().Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) == true;

    private static IEnumerable<string> Sorted(IEnumerable<(string Name, string Value)> fields) =>
        fields.OrderBy(field => field.Name, StringComparer.Ordinal).ThenBy(field => field.Value, StringComparer.Ordinal).SelectMany(field => new[] { field.Name, field.Value });

    /// <summary>The fields of a form as the specification reads them, every one; a reader of its own.</summary>
    private static IEnumerable<(string Name, string Value)> Fields(VendorRequest request)
    {
        var decoded = new List<byte>();
        string? name = null;
        for (var (at, body) = (0, request.Body.ToArray()); at <= body.Length; at++)
        {
            if (at == body.Length || body[at] == '&')
            {
                var text = Encoding.UTF8.GetString([.. decoded]);
                if (text.Length > 0 || name is not null)
                {
                    yield return name is null ? (text, "") : (name, text);
                }
                (decoded, name) = ([], null);
            }
            else if (body[at] == '=' && name is null)
            {
                (name, decoded) = (Encoding.UTF8.GetString([.. decoded]), []);
            }
            else if (body[at] == '%' && at + 2 < body.Length && char.IsAsciiHexDigit((char)body[at + 1]) && char.IsAsciiHexDigit((char)body[at + 2]))
            {
                decoded.Add(Convert.ToByte(Encoding.ASCII.GetString(body, at + 1, 2), 16));
                at += 2;
            }
            else
            {
                decoded.Add(body[at] == '+' ? (byte)' ' : body[at]);
            }
        }
    }
}

/// <summary>Changes requests, and makes them up.</summary>
internal sealed class RequestMutator(Random random)
{
    private static readonly string[] Shapes = ["{}", "[]", "{\"id\":", "payload=%7B", "--b\r\n", "null", "\"\"", "[[[[", "<a/>", ""];
    private static readonly string[] Types =
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", "text/xml", "", "application/json; charset=utf-16"];

    public byte[] Bytes(int most)
    {
        var bytes = new byte[random.Next(1, most)];
        random.NextBytes(bytes);
        return bytes;
    }

    public string Text(int most) => Encoding.Latin1.GetString(Bytes(most));

    public VendorRequest Mutate(VendorRequest request)
    {
        var (method, url, body, at) = (request.Method, request.Url, request.Body.ToArray(), request.ReceivedAt);
        var headers = request.Headers.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            switch (random.Next(10))
            {
                case 0:
                    method = random.Next(2) == 0 ? "GET" : Text(8);
                    break;
                case 1:
                    url = Change(url);
                    break;
                case 2:
                    at = at.AddSeconds(random.Next(-100_000, 100_000));
                    break;
                case 3 when headers.Count > 0:
                    headers.RemoveAt(random.Next(headers.Count));
                    break;
                case 4 when headers.Count > 0:
                    headers.Add(headers[random.Next(headers.Count)]);
                    break;
                case 5 or 6 when headers.Count > 0:
                    var which = random.Next(headers.Count);
                    headers[which] = new(headers[which].Key, Change(headers[which].Value));
                    break;
                default:
                    body = Change(body);
                    break;
            }
        }
        return new VendorRequest(method, url, headers, body, at);
    }

    /// <summary>A request that looks like one of the vendor's: its headers and paths filled with what is no signature under any secret here.</summary>
    public VendorRequest MakeUp(VendorPreset preset, VendorRequest? like)
    {
        var scheme = preset.Scheme;
        var headers = new List<KeyValuePair<string, string>> { new("Content-Type", Types[random.Next(Types.Length)]) };
        headers.AddRange(scheme.Headers.Select(name => KeyValuePair.Create(name.Replace("*", "1", StringComparison.Ordinal), Value(scheme))));
        if (like is not null && random.Next(2) == 0)
        {
            headers.AddRange(like.Headers.Where(_ => random.Next(2) == 0));
        }
        var body = random.Next(3) switch
        {
            0 when like is not null => like.Body.ToArray(),
            1 => Bytes(400),
            _ => Encoding.UTF8.GetBytes(Shapes[random.Next(Shapes.Length)] + Value(scheme)),
        };
        return new VendorRequest(random.Next(4) == 0 ? "GET" : "POST", "https://a.example/in" + (random.Next(2) == 0 ? "" : "?" + Text(30)), headers, body, DateTimeOffset.FromUnixTimeSeconds(1_795_384_805));
    }

    private string Value(VerificationScheme scheme)
    {
        var bytes = Bytes(70);
        if (VerificationKey.SignatureSize(scheme.Algorithm) is { } size)
        {
            bytes = new byte[size];
            random.NextBytes(bytes);
        }
        var signature = scheme.Encoding is SignatureEncoding.Hex ? Convert.ToHexStringLower(bytes) : Convert.ToBase64String(bytes);
        return random.Next(6) switch
        {
            0 => Text(60),
            1 => "1795384805",
            2 => $"t=1795384805,ts=1795384805,{scheme.Prefix}{signature}",
            3 => $"{Part("""{"alg":"HS256"}""")}.{Part("{\"iat\":1795384805,\"exp\":1e9}")}.{Convert.ToHexStringLower(bytes)}",
            _ => scheme.Prefix + signature,
        };
    }

    private static string Part(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private string Change(string text) => Encoding.Latin1.GetString(Change(Encoding.Latin1.GetBytes(text)));

    private byte[] Change(byte[] bytes)
    {
        var at = random.Next(bytes.Length + 1);
        switch (random.Next(5))
        {
            case 0 when at < bytes.Length:
                bytes = [.. bytes];
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                return [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
            case 2 when at < bytes.Length:
                return [.. bytes[..at], .. bytes[(at + 1)..]];
            case 3:
                return bytes[..at];
            default:
                return [.. bytes[..at], .. Bytes(20), .. bytes[at..]];
        }
    }
}
