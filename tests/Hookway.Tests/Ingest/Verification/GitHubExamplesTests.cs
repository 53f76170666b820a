using System.Text;
using System.Text.Json;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>Hundreds of payloads that GitHub really sends (npm <c>@octokit/webhooks-examples</c>), signed by GitHub's own library.</summary>
public class GitHubExamplesTests
{
    private const string Secret = "It's a Secret to Everybody";
    private static readonly string Folder = Path.Combine(VendorVectors.Folder, "npm");

    [Fact]
    public async Task Every_payload_of_github_is_verified_and_read()
    {
        var examples = await Examples();
        var preset = VendorCatalog.Find("github")!;
        var verifier = new Verifier(preset.Scheme, [Secret]);

        examples.Count.ShouldBeGreaterThan(300);
        foreach (var example in examples)
        {
            var request = example.Request;
            var facts = EventFacts.Of(preset, request);

            verifier.Verify(request).Status.ShouldBe(SignatureStatus.Verified, $"{example}");
            verifier.Verify(example.ChangedRequest).Reason.ShouldBe(VerdictReasons.SignatureMismatch, $"{example}");
            facts.VendorEventId.ShouldBe(example.Delivery);
            facts.Type.ShouldBe(example.Payload.TryGetProperty("action", out var action) ? $"{example.Name}.{action.GetString()}" : example.Name);
            facts.EntityKey.ShouldNotBeNull($"{example}");
        }
        // What happened to what, of the kinds that rules and filters are about.
        Entity("pull_request", "pull_request").ShouldBeTrue();
        Entity("issues", "issue").ShouldBeTrue();
        Entity("workflow_run", "workflow_run").ShouldBeTrue();
        Entity("workflow_job", "workflow_job").ShouldBeTrue();
        Entity("check_run", "check_run").ShouldBeTrue();
        Entity("deployment_status", "deployment").ShouldBeTrue();
        Entity("release", "release").ShouldBeTrue();

        bool Entity(string name, string member) => examples.Where(example => example.Name == name).Select(example =>
            EventFacts.Of(preset, example.Request).EntityKey == example.Payload.GetProperty(member).GetProperty("id").GetRawText()).DefaultIfEmpty(false).All(same => same);
    }

    [Fact]
    public async Task Every_payload_of_github_is_received_over_the_route_kept_and_forwarded_byte_for_byte_and_read()
    {
        var examples = await Examples();
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var source = await server.CreateSource(secret: Secret);
        await server.CreateDestination(source, receiver.Url);

        await Parallel.ForEachAsync(examples, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (example, _) =>
        {
            var answer = (await server.Deliver(source.Path(), Encoding.UTF8.GetBytes(example.Body), headers: example.Headers)).Expect(200);
            // Two of them have one body, which is not to come under two ids.
            (answer.Body.GetProperty("duplicate").GetBoolean() && examples.Count(other => other.Body == example.Body) == 1).ShouldBeFalse($"{example}");
            (await server.Get($"/api/v1/ingest/events/{answer.Text("eventId")}/body")).Expect(200).Bytes.ShouldBe(Encoding.UTF8.GetBytes(example.Body));
        });

        var kept = new Dictionary<string, JsonElement>();
        for (var more = "&limit=250"; more is not null;)
        {
            var page = (await server.Get($"/api/v1/ingest/events?sourceId={source.Id()}{more}")).Expect(200);
            foreach (var item in page.Items)
            {
                kept.Add(item.GetProperty("vendorEventId").GetString()!, item);
            }
            more = page.Body.GetProperty("nextCursor").GetString() is { } next ? $"&limit=250&cursor={next}" : null;
        }
        kept.Count.ShouldBe(examples.Count);
        var forwarded = (await receiver.WaitFor(examples.Count, TimeSpan.FromSeconds(60))).ToDictionary(request => request.Headers["X-GitHub-Delivery"]);
        var preset = VendorCatalog.Find("github")!;
        foreach (var example in examples)
        {
            var item = kept[example.Delivery];
            var facts = EventFacts.Of(preset, example.Request);
            (item.GetProperty("signatureStatus").GetString(), item.GetProperty("signatureCoverage").GetString()).ShouldBe(("verified", "body"), $"{example}");
            (item.GetProperty("type").GetString(), item.GetProperty("entityKey").GetString()).ShouldBe((facts.Type, facts.EntityKey), $"{example}");
            item.GetProperty("bodySize").GetInt32().ShouldBe(Encoding.UTF8.GetByteCount(example.Body));
            var got = forwarded[example.Delivery];
            got.Body.ShouldBe(Encoding.UTF8.GetBytes(example.Body), $"{example}");
            example.Headers.ShouldAllBe(header => got.Headers[header.Item1] == header.Item2, $"{example}");
        }
    }

    private static async Task<List<Example>> Examples() => (await Npm.Run(Folder, "github.mjs", "", Secret)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => JsonSerializer.Deserialize<Example>(line, JsonSerializerOptions.Web)!).ToList();

    private sealed record Example(string Name, int Number, string Body, string Signature)
    {
        public string Delivery => $"{Name}-{Number}";

        public (string, string)[] Headers => [("X-GitHub-Event", Name), ("X-GitHub-Delivery", Delivery), ("X-Hub-Signature-256", Signature)];

        public JsonElement Payload => JsonDocument.Parse(Body).RootElement;

        public VendorRequest Request => With(Body);

        public VendorRequest ChangedRequest => With(Body + " ");

        public override string ToString() => Delivery;

        private VendorRequest With(string body) => new("POST", "https://gateway.example.test/in/github",
        [
            new("X-GitHub-Event", Name), new("X-GitHub-Delivery", Delivery), new("Content-Type", "application/json"), new("X-Hub-Signature-256", Signature),
        ], Encoding.UTF8.GetBytes(body), DateTimeOffset.UnixEpoch);
    }
}
