using Hookway.Webhooks;

namespace Hookway.Tests.Webhooks;

/// <summary>Signing and verifying happen for every message of the server: they leave nothing for the collector.</summary>
public class WebhookAllocationTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    [Theory]
    [InlineData(SignatureScheme.HmacSha256, 100)]
    [InlineData(SignatureScheme.HmacSha256, 256 * 1024)]
    [InlineData(SignatureScheme.Ed25519, 100)]
    public async Task Signing_allocates_only_the_text_that_it_returns(SignatureScheme scheme, int size)
    {
        var secret = WebhookSecret.Generate(scheme);
        var body = new byte[size];
        var header = WebhookSignature.Sign(secret, "msg_1", Now, body);

        var text = await LeastAllocation(() => new string(header.AsSpan()));
        (await LeastAllocation(() => WebhookSignature.Sign(secret, "msg_1", Now, body), text)).ShouldBe(text);
    }

    [Theory]
    [InlineData(SignatureScheme.HmacSha256, 100)]
    [InlineData(SignatureScheme.HmacSha256, 256 * 1024)]
    [InlineData(SignatureScheme.Ed25519, 100)]
    public async Task Verifying_allocates_nothing(SignatureScheme scheme, int size)
    {
        var secret = WebhookSecret.Generate(scheme);
        var body = new byte[size];
        var header = WebhookSignature.Sign(secret, "msg_1", Now, body);
        var verifier = new WebhookVerifier([secret], tolerance: TimeSpan.MaxValue);

        (await LeastAllocation(() => verifier.Verify("msg_1", "1700000000", header, body), wanted: 0)).ShouldBe(0);
    }

    /// <summary>What one call allocates once its code is compiled for good; until then the compiler's first draft allocates too.</summary>
    private static async Task<long> LeastAllocation<T>(Func<T> action, long? wanted = null)
    {
        var least = long.MaxValue;
        // While other tests keep the compiler busy it may take a minute and longer to get to it.
        for (var round = 0; wanted is null ? round < 20 : round < 9_000 && least > wanted; round++)
        {
            for (var call = 0; call < 50; call++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                action();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        return least;
    }
}
