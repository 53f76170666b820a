using Hookway.Hosting;

namespace Hookway.Tests.Hosting;

public class WelcomeTests
{
    private const string Bootstrap = "hwk_WelcomeTestsBootstrapKey0000";

    [Fact]
    public void The_first_key_is_shown_and_used()
    {
        var text = Text("hwk_new");
        text.ShouldContain("API key         hwk_new\n");
        text.ShouldContain("\nHOOKWAY_KEY=hwk_new\n");
        text.ShouldNotContain("AllowedNetworks");
    }

    [Fact]
    public void At_a_later_start_the_shell_asks_for_the_key()
    {
        var text = Text(null);
        text.ShouldContain("API key         printed at the first start");
        text.ShouldContain("\nHOOKWAY_KEY=${HOOKWAY_KEY:?set it to an API key}\n");
    }

    [Fact]
    public void An_operators_own_key_is_named_and_not_shown()
    {
        var text = Text(null, ("Hookway:BootstrapApiKey", Bootstrap));
        text.ShouldContain("API key         the one you gave (Hookway:BootstrapApiKey)\n");
        text.ShouldNotContain(Bootstrap);
    }

    [Theory]
    [InlineData("http://0.0.0.0:8080", null, true)]
    [InlineData("http://0.0.0.0:8080", "10.0.0.0/8", true)]
    [InlineData("http://0.0.0.0:8080", "127.0.0.0/8", false)]
    [InlineData("http://127.0.0.1:8080", null, false)]
    public void Where_endpoints_on_this_machine_are_refused_it_says_what_to_set(string urls, string? allowed, bool says) =>
        Text(null, ("Urls", urls), ("Hookway:Deliveries:AllowedNetworks", allowed))
            .Contains("Hookway:Deliveries:AllowedNetworks=127.0.0.0/8", StringComparison.Ordinal).ShouldBe(says);

    [Theory]
    [InlineData("http://*:8080", "http://localhost:8080")]
    [InlineData("http://+:8080/", "http://localhost:8080")]
    [InlineData("https://0.0.0.0:8443", "https://localhost:8443")]
    [InlineData("http://[::]:8080", "http://localhost:8080")]
    [InlineData("http://10.1.2.3:8080/", "http://10.1.2.3:8080")]
    public void An_address_that_stands_for_all_is_reached_by_the_name_of_this_machine(string url, string reached) => Setting.LocalUrlOf(url).ShouldBe(reached);

    private static string Text(string? firstKey, params (string Key, string? Value)[] settings) => Welcome.Text(
        "http://localhost:8080", firstKey,
        ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => setting.Value)).Build()));
}
