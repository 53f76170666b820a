using Hookway.Webhooks;

namespace Hookway.Tests.Webhooks;

public class WebhookSecretTests
{
    private const string SigningKey =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

    private const string PublicKey = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(64)]
    public void A_shared_secret_of_16_to_64_bytes_is_read_and_revealed_unchanged(int size)
    {
        var text = "whsec_" + Convert.ToBase64String(new byte[size]);

        var secret = WebhookSecret.Parse(text);

        secret.Scheme.ShouldBe(SignatureScheme.HmacSha256);
        secret.CanSign.ShouldBeTrue();
        secret.PublicKey.ShouldBeNull();
        secret.Reveal().ShouldBe(text);
    }

    [Fact]
    public void A_signing_key_knows_its_public_key()
    {
        var secret = WebhookSecret.Parse(SigningKey);

        secret.Scheme.ShouldBe(SignatureScheme.Ed25519);
        secret.CanSign.ShouldBeTrue();
        secret.PublicKey.ShouldBe(PublicKey);
        secret.Reveal().ShouldBe(SigningKey);
    }

    [Fact]
    public void A_signing_key_may_come_as_its_private_half_alone()
    {
        var bytes = Convert.FromBase64String(SigningKey["whsk_".Length..]);

        WebhookSecret.Parse("whsk_" + Convert.ToBase64String(bytes.AsSpan(0, 32))).Reveal().ShouldBe(SigningKey);
    }

    [Fact]
    public void A_public_key_only_verifies()
    {
        var secret = WebhookSecret.Parse(PublicKey);

        secret.Scheme.ShouldBe(SignatureScheme.Ed25519);
        secret.CanSign.ShouldBeFalse();
        secret.PublicKey.ShouldBe(PublicKey);
        secret.Reveal().ShouldBe(PublicKey);
    }

    public static TheoryData<string?, string> Refused => new()
    {
        { null, "The secret is empty." },
        { "", "The secret is empty." },
        { "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "A secret starts with whsec_, whsk_ or whpk_." },
        { "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "A secret starts with whsec_, whsk_ or whpk_." },
        { " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "A secret starts with whsec_, whsk_ or whpk_." },
        { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "What follows whsec_ is not base64." },
        { "whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaSw", "What follows whsec_ is not base64." },
        { "whsec_not-base64-at-all!", "What follows whsec_ is not base64." },
        { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "What follows whsec_ is not base64." },
        { "whsec_", "A whsec_ secret holds 16 to 64 bytes, not 0." },
        { "whsec_" + Convert.ToBase64String(new byte[15]), "A whsec_ secret holds 16 to 64 bytes, not 15." },
        { "whsec_" + Convert.ToBase64String(new byte[65]), "A whsec_ secret holds 16 to 64 bytes, not 65." },
        { "whsk_" + Convert.ToBase64String(new byte[33]), "A whsk_ key holds 32 bytes, or 64 with its public half, not 33." },
        { "whsk_" + Convert.ToBase64String(new byte[64]), "The public half of the whsk_ key does not belong to its private half." },
        { "whpk_" + Convert.ToBase64String(new byte[31]), "A whpk_ key holds 32 bytes, not 31." },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_no_secret_is_refused_with_a_sentence_that_does_not_repeat_it(string? text, string expected)
    {
        WebhookSecret.TryParse(text, out var secret, out var problem).ShouldBeFalse();

        secret.ShouldBeNull();
        problem.ShouldBe(expected);
        Should.Throw<FormatException>(() => WebhookSecret.Parse(text!)).Message.ShouldBe(expected);
    }

    [Theory]
    [InlineData(SignatureScheme.HmacSha256, "whsec_", 32)]
    [InlineData(SignatureScheme.Ed25519, "whsk_", 64)]
    public void A_generated_secret_is_new_and_reads_back(SignatureScheme scheme, string prefix, int size)
    {
        var secret = WebhookSecret.Generate(scheme);

        secret.Scheme.ShouldBe(scheme);
        secret.Reveal().ShouldStartWith(prefix);
        Convert.FromBase64String(secret.Reveal()[prefix.Length..]).Length.ShouldBe(size);
        WebhookSecret.Parse(secret.Reveal()).Reveal().ShouldBe(secret.Reveal());
        WebhookSecret.Generate(scheme).Reveal().ShouldNotBe(secret.Reveal());
    }

    [Theory]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData(SigningKey)]
    public void The_text_of_a_secret_object_never_holds_the_secret(string text) =>
        WebhookSecret.Parse(text).ToString().Length.ShouldBeLessThan(8);

    [Fact]
    public void Tens_of_thousands_of_signing_keys_can_be_held_and_used_at_once()
    {
        var secrets = Enumerable.Range(0, 20_000).Select(_ => WebhookSecret.Generate(SignatureScheme.Ed25519)).ToList();
        foreach (var secret in secrets)
        {
            WebhookSignature.Sign(secret, "msg_1", DateTimeOffset.UnixEpoch, "{}"u8).ShouldStartWith("v1a,");
        }
    }

    [Fact]
    public void Threads_that_sign_with_the_same_and_with_other_keys_do_not_disturb_each_other()
    {
        var secrets = Enumerable.Range(0, 300).Select(_ => WebhookSecret.Generate(SignatureScheme.Ed25519)).ToList();
        var wanted = secrets.ConvertAll(secret => WebhookSignature.Sign(secret, "msg_1", DateTimeOffset.UnixEpoch, "{}"u8));
        Parallel.For(0, 5_000, i =>
            WebhookSignature.Sign(secrets[i * 7 % secrets.Count], "msg_1", DateTimeOffset.UnixEpoch, "{}"u8).ShouldBe(wanted[i * 7 % secrets.Count]));
    }
}
