using System.Buffers.Text;
using System.Text;
using Hookway.Storage;

namespace Hookway.Tests.Storage;

public class CursorTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void A_position_comes_back_and_is_safe_in_a_url(long position)
    {
        var text = Cursor.Encode("messages", position);
        Uri.EscapeDataString(text).ShouldBe(text);
        Cursor.TryDecode("messages", text, out var decoded).ShouldBeTrue();
        decoded.ShouldBe(position);
    }

    [Fact]
    public void A_cursor_of_another_list_is_refused()
    {
        Cursor.TryDecode("apps", Cursor.Encode("messages", 5), out _).ShouldBeFalse();
        Cursor.TryDecode("message", Cursor.Encode("messages", 5), out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("messages:")]
    [InlineData("messages: 5")]
    [InlineData("messages:5 ")]
    [InlineData("messages:1.0")]
    [InlineData("messages:99999999999999999999")]
    [InlineData("messages:0x5")]
    [InlineData("5")]
    public void What_was_not_made_here_is_refused(string inside) =>
        Cursor.TryDecode("messages", Base64Url.EncodeToString(Encoding.ASCII.GetBytes(inside)), out _).ShouldBeFalse();

    [Theory]
    [InlineData("")]
    [InlineData("!!!")]
    [InlineData("a")]
    [InlineData("ümlaut")]
    public void What_is_no_base64url_is_refused(string text) => Cursor.TryDecode("messages", text, out _).ShouldBeFalse();
}
