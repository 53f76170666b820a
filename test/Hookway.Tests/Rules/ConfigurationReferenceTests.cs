using Hookway.Hosting;
using Hookway.Tests.Support;

namespace Hookway.Tests.Rules;

/// <summary>The reference of settings is what the code says. With HOOKWAY_UPDATE_DOCS=1 this writes it instead.</summary>
public class ConfigurationReferenceTests
{
    private static readonly string Page = Path.Combine(Repository.Root, "docs", "reference", "configuration.md");

    [Fact]
    public void The_page_lists_the_settings_as_they_are()
    {
        var wanted = Setting.ToMarkdown();
        if (Environment.GetEnvironmentVariable("HOOKWAY_UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Page)!);
            File.WriteAllText(Page, wanted);
        }

        File.Exists(Page).ShouldBeTrue("docs/reference/configuration.md is missing; HOOKWAY_UPDATE_DOCS=1 ./test ConfigurationReference writes it");
        File.ReadAllText(Page).ShouldBe(wanted, "HOOKWAY_UPDATE_DOCS=1 ./test ConfigurationReference writes it anew");
    }
}
