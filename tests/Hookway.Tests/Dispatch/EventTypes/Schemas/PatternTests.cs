using System.Text.RegularExpressions;
using CsCheck;
using Hookway.Dispatch.EventTypes.Schemas;

namespace Hookway.Tests.Dispatch.EventTypes.Schemas;

public class PatternTests
{
    private const long Plenty = 1_000_000;

    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", true)]
    [InlineData("^$", "a", false)]
    [InlineData("^inv_[a-z0-9]+$", "inv_1a", true)]
    [InlineData("^inv_[a-z0-9]+$", "inv_", false)]
    [InlineData("b+", "abba", true)]
    [InlineData("^b+", "abba", false)]
    [InlineData("^(a|bc)*$", "abcabc", true)]
    [InlineData("^(a|bc)*$", "abcb", false)]
    [InlineData("^(?:ab|a)(?<n>bc|c)?$", "abc", true)]
    [InlineData("^a{2,3}$", "a", false)]
    [InlineData("^a{2,3}$", "aaa", true)]
    [InlineData("^a{2,3}$", "aaaa", false)]
    [InlineData("^a{2,}$", "aaaaa", true)]
    [InlineData("^a{0}$", "", true)]
    [InlineData("^(a*)*$", "aaa", true)]
    [InlineData("^(a*){3}b$", "aab", true)]
    [InlineData("^(){1000}$", "", true)]
    [InlineData("^a*?b??$", "aab", true)]
    [InlineData("^.$", "\n", false)]
    [InlineData("^.$", "\u2028", false)]
    [InlineData("^.$", "😀", true)]
    [InlineData("^..$", "😀", false)]
    [InlineData("^[^a]$", "😀", true)]
    [InlineData("^[😀-😂]$", "😁", true)]
    [InlineData("^[😀-😂]$", "😃", false)]
    [InlineData(@"^\u{1F600}$", "😀", true)]
    [InlineData(@"^\ud83d\ude00+$", "😀😀", true)]
    [InlineData("^😀{2}$", "😀😀", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData(@"^\d$", "٣", false)]
    [InlineData(@"^\D$", "٣", true)]
    [InlineData(@"^\w+$", "aZ_9", true)]
    [InlineData(@"^\w$", "é", false)]
    [InlineData(@"^\W$", "é", true)]
    [InlineData(@"^\s$", "\u00a0", true)]
    [InlineData(@"^\S$", "\ufeff", false)]
    [InlineData(@"^[\w.-]+$", "a.b-c", true)]
    [InlineData(@"^[^\d\s]+$", "ab c", false)]
    [InlineData(@"^[\D]$", "5", false)]
    [InlineData(@"^[\p{L}'-]+$", "Zoë-d'Été", true)]
    [InlineData(@"^\P{L}$", "a", false)]
    [InlineData(@"^[\P{Lu}]$", "A", false)]
    [InlineData(@"^\p{Uppercase_Letter}$", "É", true)]
    [InlineData(@"^\p{gc=Nd}$", "٣", true)]
    [InlineData(@"^[]$", "a", false)]
    [InlineData(@"^[^]$", "\n", true)]
    [InlineData(@"^[a-]$", "-", true)]
    [InlineData(@"^[[]$", "[", true)]
    [InlineData(@"^[\b]$", "\b", true)]
    [InlineData(@"\bcat\b", "a cat.", true)]
    [InlineData(@"\bcat\b", "concat", false)]
    [InlineData(@"\Bcat", "concat", true)]
    [InlineData(@"^\/\.\-\x41\cJ\0$", "/.-A\n\0", true)]
    [InlineData(@"^\@$", "@", true)]
    public void It_matches_as_ECMA_262_says(string pattern, string text, bool matches)
    {
        var (read, problem) = Pattern.Read(pattern);
        problem.ShouldBeNull();
        var work = Plenty;
        read!.IsMatch(text, ref work).ShouldBe(matches);
        work.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("(?=a)", "looks ahead")]
    [InlineData("(?<!a)b", "looks ahead or behind")]
    [InlineData(@"(a)\1", "refers to what a group matched")]
    [InlineData(@"(?<n>a)\k<n>", "refers to what a group matched")]
    [InlineData("(?i)a", "kind of group")]
    [InlineData("(?>a)", "kind of group")]
    [InlineData("(a", "( without its )")]
    [InlineData("a)", ") without its (")]
    [InlineData("[a", "[ without its ]")]
    [InlineData("a]", "without its beginning")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData("a**", "repeats a repetition")]
    [InlineData("^*", "repeats a place")]
    [InlineData("a{2", "does not begin a repetition")]
    [InlineData("a{x}", "does not begin a repetition")]
    [InlineData("a{3,2}", "at least more often than at most")]
    [InlineData("a{1001}", "more than 1000 times")]
    [InlineData("a{99999999999}", "more than 1000 times")]
    [InlineData("(a{100}){100}", "more than 2000 states")]
    [InlineData("((a?){50}){50}", "more than 2000 states")]
    [InlineData("[z-a]", "ends before it begins")]
    [InlineData(@"[a-\d]", "ends in a set")]
    [InlineData(@"\p{Script=Greek}", "Unicode property Script=Greek")]
    [InlineData(@"\pL", "without its {}")]
    [InlineData(@"\a", "escape \\a")]
    [InlineData(@"\u12", "hexadecimal")]
    [InlineData(@"\u{110000}", "not a code point")]
    [InlineData(@"a\", "ends in a \\")]
    public void What_cannot_be_run_is_refused_with_its_reason(string pattern, string reason)
    {
        var (read, problem) = Pattern.Read(pattern);
        read.ShouldBeNull();
        problem.ShouldNotBeNull().ShouldContain(reason);
    }

    [Fact]
    public void Groups_nest_to_a_bound()
    {
        Pattern.Read(new string('(', 400) + new string(')', 400)).Problem.ShouldNotBeNull().ShouldContain("nests groups");
        Pattern.Read(new string('a', Pattern.MostCharacters + 1)).Problem.ShouldNotBeNull().ShouldContain("characters");
    }

    [Fact]
    public void It_agrees_with_a_backtracking_matcher_on_what_both_can_run()
    {
        // No repetition within a repetition, nor of nothing: on those a backtracking matcher may take for ever.
        var atom = OneOf("a", "b", "c", ".", "[ab]", "[^a]", @"\w");
        var flat = Gen.Select(atom, OneOf("", "a", "[bc]", "^", "$", @"\b")).Select((first, next) => first + next);
        var group = Gen.Select(flat, flat).Select((one, other) => $"({one}|{other})");
        var item = Gen.Select(Gen.OneOf(atom, group), OneOf("", "*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?")).Select((part, repeat) => part + repeat);
        var sequence = Gen.Select(OneOf("", "^", @"\b"), item.Array[1, 4], OneOf("", "$", @"\B")).Select((first, items, last) => first + string.Concat(items) + last);
        var pattern = Gen.OneOf(sequence, Gen.Select(sequence, sequence).Select((one, other) => $"{one}|{other}"));
        var text = Gen.Char["abc -"].Array[0, 10].Select(characters => new string(characters));
        Gen.Select(pattern, text).Sample(
            (expression, input) =>
            {
                var work = Plenty;
                return Pattern.Read(expression).Pattern!.IsMatch(input, ref work) == Regex.IsMatch(input, expression.Replace("$", @"\z", StringComparison.Ordinal));
            }, iter: 5_000);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    /// <summary>Expressions that take a backtracking matcher exponential time, or one by derivatives exponential memory.</summary>
    [Theory]
    [InlineData("^(a+)+$")]
    [InlineData("^(a|a)*$")]
    [InlineData("^(a?){30}a{30}$")]
    [InlineData("((a|b)*a(a|b){20}c|(a|b)*b(a|b){20}d)")]
    [InlineData("((a|b)*a(a|b){1,20}c)+")]
    public void No_expression_takes_more_steps_than_its_states_times_the_characters(string pattern)
    {
        var read = Pattern.Read(pattern).Pattern!;
        var text = string.Concat(Enumerable.Repeat("ab", 5_000)) + "!";
        var work = long.MaxValue;
        read.IsMatch(text, ref work).ShouldBeFalse();
        (long.MaxValue - work).ShouldBeLessThan(text.Length * 500L);
    }

    [Fact]
    public void It_stops_when_its_work_is_used_up()
    {
        var work = 1_000L;
        Pattern.Read("^(a+)+$").Pattern!.IsMatch(new string('a', 100_000), ref work);
        work.ShouldBeInRange(-100, -1);
    }
}
