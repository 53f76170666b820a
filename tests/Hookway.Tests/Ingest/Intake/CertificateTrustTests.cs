using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Hookway.Deliveries;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>PayPal's certificate: from its path alone, with its name, and leading to a root that is trusted.</summary>
public sealed class CertificateTrustTests : IDisposable
{
    private const string Path = "https://api.paypal.com/v1/notifications/certs/CERT-1";

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_384_805);

    private readonly RSA _rootKey = RSA.Create(2048);
    private readonly RSA _middleKey = RSA.Create(2048);
    private readonly RSA _leafKey = RSA.Create(2048);
    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _middle;
    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-roots-").FullName;

    public CertificateTrustTests()
    {
        var root = new CertificateRequest("CN=Test Root", _rootKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = root.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(5));
        var middle = new CertificateRequest("CN=Test Issuer", _middleKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        middle.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var issued = middle.Create(_root, Now.AddYears(-1), Now.AddYears(4), [1]);
        _middle = issued.CopyWithPrivateKey(_middleKey);
    }

    public void Dispose()
    {
        foreach (var owned in (IDisposable[])[_root, _middle, _rootKey, _middleKey, _leafKey])
        {
            owned.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task It_is_taken_when_it_leads_to_a_root_that_the_operator_trusts() => (await Ask(Leaf() + _middle.ExportCertificatePem())).ShouldBe(200);

    [Fact]
    public async Task It_is_refused_by_another_root() => (await Ask(Leaf() + _middle.ExportCertificatePem(), roots: OtherRoot())).ShouldBe(401);

    [Fact]
    public async Task It_is_refused_when_its_issuer_is_not_there_and_the_operator_named_the_roots() => (await Ask(Leaf())).ShouldBe(401);

    [Fact]
    public async Task It_is_refused_by_the_systems_roots_when_it_leads_to_none_of_them() =>
        (await Ask(Leaf() + _middle.ExportCertificatePem() + "\n" + _root.ExportCertificatePem(), roots: "")).ShouldBe(401);

    [Fact]
    public async Task It_is_refused_when_it_is_signed_by_itself() => (await Ask(SelfSigned(), roots: "")).ShouldBe(401);

    [Fact]
    public async Task It_is_refused_under_another_name() => (await Ask(Leaf("mail.example.com") + _middle.ExportCertificatePem())).ShouldBe(401);

    [Fact]
    public async Task It_is_refused_when_it_has_expired() => (await Ask(Leaf(until: Now.AddDays(-1)) + _middle.ExportCertificatePem())).ShouldBe(401);

    [Theory]
    [InlineData("https://api.paypal.com/v1/uploads/CERT-1")]
    [InlineData("https://api.paypal.com/v1/notifications/certs/../../uploads/CERT-1")]
    [InlineData("https://api.paypal.com/V1/notifications/certs/CERT-1")]
    public async Task It_is_not_even_fetched_from_elsewhere(string url) => (await Ask(Leaf() + _middle.ExportCertificatePem(), url)).ShouldBe(401);

    [Theory]
    [InlineData(3, 200)]
    [InlineData(5, 401)]
    public async Task A_transmission_that_is_too_old_is_refused(int days, int status) => (await Ask(Leaf() + _middle.ExportCertificatePem(), at: Now.AddDays(-days))).ShouldBe(status);

    /// <summary>Sends an event that is rightly signed by the leaf; answers the status.</summary>
    private async Task<int> Ask(string served, string url = Path, string? roots = null, DateTimeOffset? at = null)
    {
        var asked = new List<Uri>();
        var file = System.IO.Path.Combine(_folder, "roots.pem");
        await File.WriteAllTextAsync(file, roots ?? _root.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await using var server = await TestServer.Start(
            roots == "" ? [] : new() { ["Hookway:Ingest:CertificateRoots"] = file }, new FakeTimeProvider(Now),
            replace: services => services.AddSingleton<SendRequest>((request, _) =>
            {
                asked.Add(request.Url);
                return Task.FromResult(new AttemptResult(AttemptOutcome.Succeeded, 200, [], Encoding.ASCII.GetBytes(served), TimeSpan.Zero, null, ResponseDirective.None, null));
            }));
        var source = await server.CreateSource("paypal", secret: "WH-1");
        var body = """{"id":"WH-E1","event_type":"PAYMENT.SALE.COMPLETED"}"""u8.ToArray();
        var time = (at ?? Now).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var signed = $"t-1|{time}|WH-1|{SignatureBytes.Crc32(body)}";
        var answer = await server.Deliver(source.Path(), body, headers:
        [
            ("PAYPAL-TRANSMISSION-ID", "t-1"), ("PAYPAL-TRANSMISSION-TIME", time), ("PAYPAL-CERT-URL", url), ("PAYPAL-AUTH-ALGO", "SHA256withRSA"),
            ("PAYPAL-TRANSMISSION-SIG", Convert.ToBase64String(_leafKey.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))),
        ]);
        Uri[] expected = url == Path ? [new Uri(Path)] : [];
        asked.ShouldBe(expected);
        return answer.Status;
    }

    private string Leaf(string name = "messageverificationcerts.paypal.com", DateTimeOffset? until = null)
    {
        using var leaf = Request(name).Create(_middle, Now.AddDays(-30), until ?? Now.AddDays(300), [2]);
        return leaf.ExportCertificatePem() + "\n";
    }

    private string SelfSigned()
    {
        using var leaf = Request("messageverificationcerts.paypal.com").CreateSelfSigned(Now.AddDays(-30), Now.AddDays(300));
        return leaf.ExportCertificatePem();
    }

    private CertificateRequest Request(string name) => new($"CN={name}", _leafKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    private static string OtherRoot()
    {
        using var key = RSA.Create(2048);
        var root = new CertificateRequest("CN=Test Root", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = root.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(5));
        return made.ExportCertificatePem();
    }
}
