using System.Buffers.Text;
using Hookway.Storage;

namespace Hookway.Tests.Storage;

public class CursorTests
{
    private readonly Cursor _cursor = new(new SecretProtector(new byte[MasterKey.Length]));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void A_position_comes_back_and_is_safe_in_a_url(long position)
    {
        var text = _cursor.Encode("messages", position);
        Uri.EscapeDataString(text).ShouldBe(text);
        _cursor.TryDecode("messages", text, out var decoded).ShouldBeTrue();
        decoded.ShouldBe(position);
    }

    [Fact]
    public void A_cursor_of_another_list_is_refused()
    {
        _cursor.TryDecode("apps", _cursor.Encode("messages", 5), out _).ShouldBeFalse();
        _cursor.TryDecode("message", _cursor.Encode("messages", 5), out _).ShouldBeFalse();
    }

    [Fact]
    public void A_cursor_of_another_server_is_refused() =>
        _cursor.TryDecode("messages", new Cursor(new SecretProtector([.. Enumerable.Repeat((byte)1, MasterKey.Length)])).Encode("messages", 5), out _).ShouldBeFalse();

    [Fact]
    public void A_cursor_that_was_changed_anywhere_is_refused()
    {
        var bytes = Base64Url.DecodeFromChars(_cursor.Encode("messages", 12345));
        for (var i = 0; i < bytes.Length; i++)
        {
            var changed = bytes.ToArray();
            changed[i] ^= 1;
            _cursor.TryDecode("messages", Base64Url.EncodeToString(changed), out _).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_cursor_does_not_show_its_position()
    {
        var text = _cursor.Encode("messages", 5);
        System.Text.Encoding.Latin1.GetString(Base64Url.DecodeFromChars(text)).ShouldNotContain("messages");
        _cursor.Encode("messages", 5).ShouldNotBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("!!!")]
    [InlineData("a")]
    [InlineData("ümlaut")]
    [InlineData("bWVzc2FnZXM6NQ")]
    public void What_was_not_made_here_is_refused(string text) => _cursor.TryDecode("messages", text, out _).ShouldBeFalse();
}
