using System.Text;
using Hookway.Storage;

namespace Hookway.Tests.Storage;

public class PrefixTests
{
    [Theory]
    [InlineData("a", "b")]
    [InlineData("msg_01", "msg_02")]
    [InlineData("z~", "z\u007f")]
    [InlineData("\ud7ff", "\ue000")]
    [InlineData("a\U0010FFFF", "b")]
    [InlineData("\U0010FFFF", null)]
    [InlineData("", null)]
    public void The_end_of_a_prefix_is_the_first_text_behind_all_that_begin_with_it(string prefix, string? end) => Prefix.EndOf(prefix).ShouldBe(end);

    [Fact]
    public void In_the_order_of_bytes_what_begins_with_a_prefix_is_before_its_end_and_what_does_not_is_outside()
    {
        string[] texts = ["", "a", "ab", "a\U0010FFFFz", "b", "é", "éa", "ê", "\uffff", "\U00010000"];
        foreach (var prefix in texts.Where(text => text.Length > 0))
        {
            foreach (var text in texts)
            {
                var inRange = Compare(text, prefix) >= 0 && Compare(text, Prefix.EndOf(prefix)!) < 0;
                inRange.ShouldBe(text.StartsWith(prefix, StringComparison.Ordinal), $"{text} and {prefix}");
            }
        }
    }

    private static int Compare(string left, string right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
}
