using System.Text;
using System.Text.Json;
using Hookway.Ingest.JmesPath;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.JmesPath;

public class JmesExpressionTests
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>The cases that JMESPath's authors publish (COMPLIANCE.md).</summary>
    [Fact]
    public void Every_published_compliance_case_is_judged_as_it_says()
    {
        var (wrong, judged) = (new List<string>(), 0);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Tests, "Ingest", "JmesPath", "compliance"), "*.json"))
        {
            foreach (var group in JsonElement.Parse(File.ReadAllBytes(file)).EnumerateArray())
            {
                foreach (var item in group.GetProperty("cases").EnumerateArray())
                {
                    judged++;
                    var text = item.GetProperty("expression").GetString()!;
                    var (json, problem) = Evaluate(text, group.GetProperty("given"));
                    var isRight = item.TryGetProperty("error", out _) ? problem is not null
                        : !item.TryGetProperty("result", out var result) ? problem is null
                        : json is not null && JsonElement.DeepEquals(JsonElement.Parse(json), result);
                    if (!isRight)
                    {
                        wrong.Add($"{Path.GetFileName(file)}: {text} gave {(json is null ? problem : Encoding.UTF8.GetString(json))}, not {item}");
                    }
                }
            }
        }
        wrong.ShouldBeEmpty();
        judged.ShouldBeGreaterThan(850);
    }

    [Theory]
    [InlineData("amount", "1.10")]
    [InlineData("big", "123456789012345678901234567890.000")]
    [InlineData("{a: amount, b: [big]}", """{"a":1.10,"b":[123456789012345678901234567890.000]}""")]
    [InlineData("text", "\"Zoë ✓ \\\"q\\\"\"")]
    [InlineData("sum([amount, `2`])", "3.1")]
    [InlineData("missing", "null")]
    public void What_is_passed_on_stays_as_it_was_written(string expression, string expected)
    {
        var given = JsonElement.Parse("""{"amount":1.10,"big":123456789012345678901234567890.000,"text":"Zoë ✓ \"q\""}"""u8);

        var (json, problem) = Evaluate(expression, given);

        problem.ShouldBeNull();
        Encoding.UTF8.GetString(json!).ShouldBe(expected);
    }

    /// <summary>Each of these would take more memory, time or stack than there is.</summary>
    [Theory]
    [InlineData("doubled")]
    [InlineData("doubled text")]
    [InlineData("compared")]
    [InlineData("every pair")]
    public void An_expression_that_grows_without_bound_is_stopped(string kind)
    {
        var many = JsonElement.Parse($"[{string.Join(',', Enumerable.Range(0, 20_000))}]");
        var expression = kind switch
        {
            "doubled" => string.Join(" | ", Enumerable.Repeat("[@, @]", 100)),
            "doubled text" => string.Join(" | ", Enumerable.Repeat("join('', [to_string(@), to_string(@)])", 60)),
            "compared" => string.Join(" | ", Enumerable.Repeat("[@, @]", 60)) + " | [0] == [1]",
            _ => "map(&sort(to_array(@)), [*][]) | [?contains(`[1]`, @)] || max_by(@, &length(sort([@, @, @])))",
        };

        var (json, problem) = Evaluate(expression, many);

        json.ShouldBeNull();
        problem.ShouldNotBeNull();
    }

    [Fact]
    public void An_expression_that_is_nested_or_chained_too_far_is_refused_when_it_is_read()
    {
        foreach (var text in (string[])[new string('(', 2_000) + "a" + new string(')', 2_000), new string('!', 3_000) + "a", string.Join('.', Enumerable.Repeat("a", 2_000)), new string('a', 5_000)])
        {
            JmesExpression.Read(text).Problem.ShouldNotBeNull();
        }
    }

    [Theory]
    [InlineData("a[", "it ends too early")]
    [InlineData("a b", "b is not expected at character 3")]
    [InlineData("nosuch(@)", "there is no function nosuch")]
    [InlineData("abs(@, @)", "abs takes 1 arguments, not 2")]
    [InlineData("#", "# is not expected at character 1")]
    [InlineData("'open", "has no closing '")]
    public void What_is_wrong_with_an_expression_is_said(string text, string expected) => JmesExpression.Read(text).Problem.ShouldNotBeNull().ShouldContain(expected);

    [Fact]
    public void What_cannot_be_applied_says_why()
    {
        Evaluate("abs(name)", JsonElement.Parse("""{"name":"x"}"""u8)).Problem.ShouldBe("abs cannot take string as its argument 1.");
        Evaluate("a.b", JsonElement.Parse("""{"a":{"b":"\ud800"}}"""u8)).Problem.ShouldNotBeNull().ShouldContain("surrogate");
    }

    private static (byte[]? Json, string? Problem) Evaluate(string text, JsonElement given)
    {
        var (expression, problem) = JmesExpression.Read(text);
        return expression is null ? (null, problem) : expression.Apply(given, MostBytes);
    }
}
