using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class MessageSearchTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_search_finds_ids_recipients_and_types_exactly_and_by_prefix()
    {
        var app = await Server.CreateApp("invoice.paid", "order.made");
        var invoice = await Server.Send(app, recipient: "acme_1");
        var order = await Server.Send(app, recipient: "acme_2", type: "order.made");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "Beta", type = "invoice.paid", messageId = "own-1" })).Expect(202);

        (await Search(app, "q=own-1")).ShouldBe(["own-1"]);
        (await Search(app, "q=own")).ShouldBe(["own-1"]);
        (await Search(app, $"q={invoice}")).ShouldBe([invoice]);
        (await Search(app, "q=acme_1")).ShouldBe([invoice]);
        (await Search(app, "q=acme")).ShouldBe([order, invoice]);
        (await Search(app, "q=order.")).ShouldBe([order]);
        (await Search(app, "q=invoice.paid")).ShouldBe(["own-1", invoice]);
        (await Search(app, "q=acme&type=order.made")).ShouldBe([order]);
        (await Search(app, "q=beta")).ShouldBeEmpty();
        (await Search(app, "q=%25")).ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/messages?q=%00")).Expect(400);
        var page = (await Server.Get($"/api/v1/apps/{app}/messages?q=acme&limit=1")).Expect(200);
        (await Search(app, $"q=acme&limit=1&cursor={page.Text("nextCursor")}")).ShouldBe([invoice]);
    }

    [Fact]
    public async Task A_search_in_payloads_finds_the_bytes_as_they_were_sent()
    {
        var app = await Server.CreateApp();
        var found = await Server.Send(app, new { note = "Ünder the bridge" });
        for (var i = 0; i < 30; i++)
        {
            await Server.Send(app);
        }

        async Task<List<string?>> All(string query)
        {
            var ids = new List<string?>();
            for (string? cursor = ""; cursor is not null;)
            {
                var page = (await Server.Get($"/api/v1/apps/{app}/messages?inPayload=true&{query}{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200);
                ids.AddRange(page.Items.Select(item => item.GetProperty("messageId").GetString()));
                cursor = page.Body.GetProperty("nextCursor").GetString();
            }
            return ids;
        }
        (await All("q=the%20bridge")).ShouldBe([found]);
        (await All("q=The%20Bridge")).ShouldBeEmpty();
        (await All("q=amount&limit=7")).Count.ShouldBe(30);
        (await Server.Get($"/api/v1/apps/{app}/messages?inPayload=true")).ExpectInvalid("q");
    }

    [Theory]
    [InlineData("apps/{0}/messages?recipent=x", "recipent")]
    [InlineData("apps/{0}/messages?Recipient=x", "Recipient")]
    [InlineData("apps/{0}/endpoints?q=x", "q")]
    [InlineData("apps/{0}/recipients?search=x", "search")]
    [InlineData("apps/{0}/event-types?archived=true", "archived")]
    [InlineData("apps?name=x", "name")]
    [InlineData("replays?state=running", "state")]
    public async Task A_query_parameter_that_is_not_known_is_refused_by_its_name(string path, string name) =>
        (await Server.Get("/api/v1/" + string.Format(System.Globalization.CultureInfo.InvariantCulture, path, await Server.CreateApp()))).ExpectInvalid(name);

    private async Task<IEnumerable<string?>> Search(string app, string query) =>
        (await Server.Get($"/api/v1/apps/{app}/messages?{query}")).Expect(200).Items.Select(item => item.GetProperty("messageId").GetString());
}
