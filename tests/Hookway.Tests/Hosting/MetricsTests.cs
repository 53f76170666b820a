using System.Text;
using System.Text.RegularExpressions;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

/// <summary>Alone: what listens to a meter hears all servers of the process.</summary>
[Collection(RealProcesses.Name)]
public partial class MetricsTests
{
    private const string Token = "a-token-for-the-scraper";

    [Fact]
    public async Task What_was_accepted_and_delivered_is_counted()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var message = await server.Send(app);
        await server.WaitForMessage(app, message, "succeeded");
        await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", messageId = "own", data = 1 });
        await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", messageId = "own", data = 1 });
        await server.WaitForMessage(app, "own", "succeeded");

        var page = "";
        await TestServer.Until(
            async () =>
            {
                page = Encoding.UTF8.GetString((await server.Get("/metrics", key: null)).Expect(200).Bytes);
                // An attempt is counted after the commit that shows it.
                return Value(page, "hookway_attempts_total", "outcome=\"succeeded\"") == 2;
            },
            () => page);
        Value(page, "hookway_messages_total", "result=\"accepted\"").ShouldBe(2, page);
        Value(page, "hookway_messages_total", "result=\"duplicate\"").ShouldBe(1);
        Value(page, "hookway_deliveries_ended_total", "status=\"succeeded\"").ShouldBe(2);
        Value(page, "hookway_attempts_in_flight", "").ShouldBe(0);
    }

    [Fact]
    public async Task Only_this_machine_and_who_has_the_token_may_read_them()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:MetricsToken"] = Token });
        (await server.Get("/metrics", key: null)).Expect(200);
        (await server.Get("/metrics", key: Token)).Expect(200);
        (await server.Get("/metrics", key: "another-token-altogether")).Expect(401);
        (await server.Request(HttpMethod.Get, "/metrics", null, key: null, ("X-Forwarded-For", "203.0.113.9"))).Expect(401);
        (await server.Request(HttpMethod.Get, "/metrics", null, key: Token, ("X-Forwarded-For", "203.0.113.9"))).Expect(200);
    }

    private static double Value(string page, string name, string label) => page.Split('\n')
        .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Select(line => double.Parse(Number().Match(line).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).SingleOrDefault();

    [GeneratedRegex(@"[} ]\s*([0-9.e+-]+)( \d+)?\s*$")]
    private static partial Regex Number();
}
