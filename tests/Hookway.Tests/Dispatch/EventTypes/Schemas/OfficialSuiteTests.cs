using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hookway.Api;
using Hookway.Dispatch.EventTypes.Schemas;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.EventTypes.Schemas;

/// <summary>
/// The official test suite of JSON Schema, as Debian packages it for Perl; <c>HOOKWAY_TEST_JSON_SCHEMA</c> names another copy of it. What is in the supported subset
/// is judged as the suite says; what is not is refused, and says so by name.
/// </summary>
public class OfficialSuiteTests
{
    private const string Package = "libtest-json-schema-acceptance-perl";

    /// <summary>Every reason for which a schema of the suite may be refused.</summary>
    private static readonly string[] Reasons =
    [
        @"the keyword \$dynamic(Ref|Anchor) is not supported", "is remote: only what is in this schema can be referred to", "\\$schema must be ",
        // Keywords of earlier drafts, and those that the suite makes up to see that they are ignored.
        "the keyword (dependencies|unknown.keyword|array_of_schemas) is not supported", @"\$ref #/examples/0 leads to no schema", "names the Unicode property digit",
    ];

    /// <summary>The files of what is not supported at all: schemas elsewhere, and keywords that choose their schema while judging.</summary>
    private static readonly string[] NotSupported = ["dynamicRef", "refRemote", "vocabulary"];

    [Fact]
    public async Task What_is_supported_is_judged_as_the_official_suite_says_and_the_rest_is_refused_by_name()
    {
        var folder = await Folder();
        var (wrong, refused, judged) = (new List<string>(), 0, 0);
        foreach (var file in Directory.EnumerateFiles(folder, "*.json").Concat(Directory.EnumerateFiles(Path.Combine(folder, "optional"), "*.json")))
        {
            foreach (var group in JsonElement.Parse(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)).EnumerateArray())
            {
                var title = $"{Path.GetRelativePath(folder, file)}: {group.GetProperty("description").GetString()}";
                var errors = new FieldErrors();
                if (JsonSchema.Read(Encoding.UTF8.GetBytes(group.GetProperty("schema").GetRawText()), "schema", errors) is not { } schema)
                {
                    refused += NotSupported.Contains(Path.GetFileNameWithoutExtension(file)) || title.StartsWith("optional", StringComparison.Ordinal) ? 0 : 1;
                    if (!Reasons.Any(reason => Regex.IsMatch(errors.Sentence, reason)))
                    {
                        wrong.Add($"{title}: {errors.Sentence}");
                    }
                    continue;
                }
                foreach (var item in group.GetProperty("tests").EnumerateArray())
                {
                    judged++;
                    var data = item.GetProperty("data");
                    if (schema.Check(data, data.GetRawText().Length) is null != item.GetProperty("valid").GetBoolean())
                    {
                        wrong.Add($"{title}: {item.GetProperty("description").GetString()}");
                    }
                }
            }
        }
        wrong.ShouldBeEmpty();
        judged.ShouldBeGreaterThan(1_150);
        refused.ShouldBeLessThan(12);
    }

    private static async Task<string> Folder()
    {
        if (Environment.GetEnvironmentVariable("HOOKWAY_TEST_JSON_SCHEMA") is { Length: > 0 } given)
        {
            return Path.Combine(given, "tests", "draft2020-12");
        }
        var kept = Path.Combine(Repository.Root, "TestResults", "json-schema-suite");
        var tests = Path.Combine(kept, "usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12");
        if (!Directory.Exists(tests))
        {
            // Nothing is installed: the files are taken out of the package.
            await Shell($"""
                set -e; mkdir -p '{kept}'; cd '{kept}'
                apt-get download -qq {Package} 2>/dev/null || {"{"} $([ "$(id -u)" = 0 ] || echo sudo) apt-get update -qq; apt-get download -qq {Package}; {"}"}
                dpkg-deb -x {Package}_*.deb .
                """);
        }
        return tests;
    }

    private static async Task Shell(string script)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        process.ExitCode.ShouldBe(0, $"{Package} cannot be had: {errors}");
    }
}
