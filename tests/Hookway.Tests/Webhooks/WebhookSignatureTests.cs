using Hookway.Webhooks;

namespace Hookway.Tests.Webhooks;

public class WebhookSignatureTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    public static TheoryData<StandardWebhooksVector> Vectors => [.. StandardWebhooksVectors.All];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Every_vector_signs_to_exactly_its_signature(StandardWebhooksVector vector) =>
        WebhookSignature.Sign(WebhookSecret.Parse(vector.Secret), vector.Id, vector.SignedAt, vector.Body)
            .ShouldBe(vector.Signature);

    [Fact]
    public void Every_section_of_the_vectors_is_read() =>
        StandardWebhooksVectors.All.Count.ShouldBe((12 * 2) + 3 + 1);

    [Fact]
    public void Several_secrets_give_one_signature_each_in_order_separated_by_spaces()
    {
        var secrets = Enumerable.Range(0, 6)
            .Select(n => WebhookSecret.Generate(n % 2 == 0 ? SignatureScheme.HmacSha256 : SignatureScheme.Ed25519))
            .ToArray();

        var header = WebhookSignature.Sign(secrets, "msg_1", Now, "{}"u8);

        header.ShouldBe(string.Join(' ', secrets.Select(secret => WebhookSignature.Sign(secret, "msg_1", Now, "{}"u8))));
        header.Split(' ').Select(item => item.Split(',')[0]).ShouldBe(["v1", "v1a", "v1", "v1a", "v1", "v1a"]);
    }

    [Fact]
    public void Fractions_of_a_second_do_not_change_the_signature()
    {
        var secret = WebhookSecret.Generate(SignatureScheme.HmacSha256);

        WebhookSignature.Sign(secret, "msg_1", Now.AddMilliseconds(999), "{}"u8)
            .ShouldBe(WebhookSignature.Sign(secret, "msg_1", Now, "{}"u8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("msg.1")]
    [InlineData("msg 1")]
    [InlineData("msg\r\nx: y")]
    [InlineData("msg_é")]
    public void An_id_that_cannot_be_a_header_or_holds_a_dot_is_refused(string id) =>
        Should.Throw<ArgumentException>(() =>
            WebhookSignature.Sign(WebhookSecret.Generate(SignatureScheme.HmacSha256), id, Now, "{}"u8))
            .ParamName.ShouldBe("id");

    [Fact]
    public void An_id_may_have_256_characters_and_no_more()
    {
        var secret = WebhookSecret.Generate(SignatureScheme.HmacSha256);

        WebhookSignature.Sign(secret, new string('x', 256), Now, "{}"u8).ShouldStartWith("v1,");
        Should.Throw<ArgumentException>(() => WebhookSignature.Sign(secret, new string('x', 257), Now, "{}"u8));
    }

    [Fact]
    public void A_time_before_1970_is_refused() =>
        Should.Throw<ArgumentOutOfRangeException>(() => WebhookSignature.Sign(
            WebhookSecret.Generate(SignatureScheme.HmacSha256), "msg_1", DateTimeOffset.UnixEpoch.AddSeconds(-1), "{}"u8));

    [Fact]
    public void Signing_without_a_secret_or_with_a_public_key_is_refused()
    {
        var publicKey = WebhookSecret.Parse(WebhookSecret.Generate(SignatureScheme.Ed25519).PublicKey!);

        Should.Throw<ArgumentException>(() => WebhookSignature.Sign([], "msg_1", Now, "{}"u8));
        Should.Throw<ArgumentException>(() => WebhookSignature.Sign(publicKey, "msg_1", Now, "{}"u8))
            .Message.ShouldStartWith("A whpk_ key only verifies");
    }
}
