using System.Text;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.EventTypes;

public class EventTypesApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_put_creates_then_replaces()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/event-types/order.shipped";

        var created = (await Server.Raw(HttpMethod.Put, path, """{"description":"An order left","examplePayload":{"n":1.50}}""")).Expect(201);
        created.Text("name").ShouldBe("order.shipped");
        created.Body.GetProperty("examplePayload").GetProperty("n").GetRawText().ShouldBe("1.50");
        created.Body.GetProperty("archived").GetBoolean().ShouldBeFalse();
        (await Server.Get(path)).Expect(200).Bytes.ShouldBe(created.Bytes);

        var replaced = (await Server.Raw(HttpMethod.Put, path, """{"description":"Left"}""")).Expect(200);
        replaced.Text("description").ShouldBe("Left");
        replaced.Text("createdAt").ShouldBe(created.Text("createdAt"));
        replaced.Body.GetProperty("examplePayload").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
    }

    [Fact]
    public async Task An_archived_type_leaves_lists_and_a_put_publishes_it_again()
    {
        var app = await Server.CreateApp("a.b", "c.d");
        var path = $"/api/v1/apps/{app}/event-types";

        (await Server.Delete($"{path}/a.b")).Expect(200).Body.GetProperty("archived").GetBoolean().ShouldBeTrue();
        (await Server.Get(path)).Items.Select(type => type.GetProperty("name").GetString()).ShouldBe(["c.d"]);
        (await Server.Get($"{path}?includeArchived=true")).Items.Select(type => type.GetProperty("name").GetString()).ShouldBe(["c.d", "a.b"]);
        (await Server.Get($"{path}/a.b")).Expect(200).Body.GetProperty("archived").GetBoolean().ShouldBeTrue();
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "r", type = "a.b" })).ExpectCode(400, "event_type_not_published");
        (await Server.Put($"{path}/a.b", new { })).Expect(200).Body.GetProperty("archived").GetBoolean().ShouldBeFalse();
        await Server.Send(app, type: "a.b");
    }

    [Theory]
    [InlineData("a%20b")]
    [InlineData("a%2Fb")]
    [InlineData("caf%C3%A9")]
    [InlineData("a*")]
    [InlineData("a:b")]
    public async Task A_name_outside_its_alphabet_is_refused(string name)
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/event-types/{name}", new { })).ExpectInvalid("name");
    }

    [Theory]
    [InlineData(128, 201)]
    [InlineData(129, 400)]
    public async Task A_name_has_at_most_128_characters(int length, int status)
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/event-types/{new string('a', length)}", new { })).Expect(status);
    }

    [Fact]
    public async Task Another_apps_type_is_not_seen()
    {
        var app = await Server.CreateApp("mine");
        var other = await Server.CreateApp("other");

        (await Server.Get($"/api/v1/apps/{other}/event-types/mine")).Expect(404);
        (await Server.Delete($"/api/v1/apps/{other}/event-types/mine")).Expect(404);
        (await Server.Post($"/api/v1/apps/{other}/messages", new { recipient = "r", type = "mine" })).ExpectCode(400, "event_type_not_published");
        (await Server.Get($"/api/v1/apps/{app}/event-types/never")).Expect(404);
    }

    [Fact]
    public async Task An_example_nested_as_deeply_as_was_accepted_can_be_read_back()
    {
        var app = await Server.CreateApp();
        foreach (var depth in Enumerable.Range(56, 9))
        {
            var example = new string('[', depth) + new string(']', depth);
            var put = await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/deep{depth}", $$"""{"examplePayload":{{example}}}""");
            put.Status.ShouldBeOneOf(201, 400);
            if (put.Status == 201)
            {
                (await Server.Get($"/api/v1/apps/{app}/event-types/deep{depth}")).Expect(200).Body.GetProperty("examplePayload").GetRawText().ShouldBe(example);
                Encoding.UTF8.GetString((await Server.Get($"/api/v1/apps/{app}/event-types")).Expect(200).Bytes).ShouldContain(example);
            }
        }
    }
}
