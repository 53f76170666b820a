using System.Security.Cryptography;
using Hookway.Storage;

namespace Hookway.Tests.Storage;

public class SecretProtectorTests
{
    private readonly SecretProtector _protector = new(RandomNumberGenerator.GetBytes(32));

    [Theory]
    [InlineData("")]
    [InlineData("whsec_abc")]
    [InlineData("Zoë ☃ 😀")]
    public void A_text_comes_back(string text) => _protector.Unprotect(_protector.Protect(text, "p"), "p").ShouldBe(text);

    [Fact]
    public void The_same_text_is_sealed_differently_each_time() =>
        _protector.Protect("same", "p").ShouldNotBe(_protector.Protect("same", "p"));

    [Fact]
    public void A_sealed_text_opens_for_its_purpose_and_key_alone()
    {
        var sealedText = _protector.Protect("secret", "ep_1/secret");
        Should.Throw<CryptographicException>(() => _protector.Unprotect(sealedText, "ep_2/secret"));
        Should.Throw<CryptographicException>(() => new SecretProtector(RandomNumberGenerator.GetBytes(32)).Unprotect(sealedText, "ep_1/secret"));
    }

    [Fact]
    public void Any_changed_or_missing_byte_is_noticed()
    {
        var sealedText = _protector.Protect("secret", "p");
        for (var i = 0; i < sealedText.Length; i++)
        {
            var changed = (byte[])sealedText.Clone();
            changed[i] ^= 1;
            Should.Throw<CryptographicException>(() => _protector.Unprotect(changed, "p"));
            Should.Throw<CryptographicException>(() => _protector.Unprotect(sealedText[..i], "p"));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(33)]
    public void A_master_key_has_32_bytes(int length) => Should.Throw<ArgumentException>(() => new SecretProtector(new byte[length]));
}
