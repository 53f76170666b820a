using System.Text.Json;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Recipients;

public class RecipientsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_put_creates_then_replaces()
    {
        var app = await Server.CreateApp();
        var path = $"/api/v1/apps/{app}/recipients/{Uri.EscapeDataString("org:1|user_2@x.y-z")}";

        var created = (await Server.Raw(HttpMethod.Put, path, """{"name":"Zoë","metadata":{"tier":1.0}}""")).Expect(201);
        created.Text("recipient").ShouldBe("org:1|user_2@x.y-z");
        created.Text("name").ShouldBe("Zoë");
        created.Body.GetProperty("metadata").GetProperty("tier").GetRawText().ShouldBe("1.0");
        created.Body.GetProperty("endpointCount").GetInt32().ShouldBe(0);
        (await Server.Get(path)).Expect(200).Bytes.ShouldBe(created.Bytes);

        var replaced = (await Server.Raw(HttpMethod.Put, path, "{}")).Expect(200);
        replaced.Body.GetProperty("name").ValueKind.ShouldBe(JsonValueKind.Null);
        replaced.Body.GetProperty("metadata").ValueKind.ShouldBe(JsonValueKind.Null);
        replaced.Text("createdAt").ShouldBe(created.Text("createdAt"));
    }

    [Theory]
    [InlineData("""{"metadata":[]}""", "metadata")]
    [InlineData("""{"metadata":"a"}""", "metadata")]
    [InlineData("""{"name":1}""", "name")]
    [InlineData("""{"email":"a@b"}""", "email")]
    public async Task What_is_wrong_is_named(string body, string field)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/recipients/r", body)).ExpectInvalid(field);
        (await Server.Get($"/api/v1/apps/{app}/recipients/r")).Expect(404);
    }

    [Theory]
    [InlineData("a b", 400)]
    [InlineData("a/b", 400)]
    [InlineData("ä", 400)]
    [InlineData("a#b", 400)]
    public async Task An_id_outside_its_alphabet_is_refused(string id, int status)
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/recipients/{Uri.EscapeDataString(id)}", new { })).Expect(status);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = id, url = fixture.Receiver.Url })).ExpectInvalid("recipient");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = id, type = "invoice.paid" })).ExpectInvalid("recipient");
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("")]
    public async Task Dots_alone_and_nothing_are_no_ids(string id)
    {
        var app = await Server.CreateApp();
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = id, url = fixture.Receiver.Url })).ExpectInvalid("recipient");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = id, type = "invoice.paid" })).ExpectInvalid("recipient");
    }

    [Fact]
    public async Task Ids_of_256_characters_are_the_longest()
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/recipients/{new string('x', 256)}", new { })).Expect(201);
        (await Server.Put($"/api/v1/apps/{app}/recipients/{new string('x', 257)}", new { })).ExpectInvalid("recipient");
    }

    [Fact]
    public async Task Sending_and_creating_an_endpoint_make_the_recipient()
    {
        var app = await Server.CreateApp();
        await Server.Send(app, recipient: "sent");
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { recipientName = "Named" }, "subscribed");
        await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "subscribed");

        (await Server.Get($"/api/v1/apps/{app}/recipients/sent")).Expect(200).Body.GetProperty("endpointCount").GetInt32().ShouldBe(0);
        var subscribed = (await Server.Get($"/api/v1/apps/{app}/recipients/subscribed")).Expect(200);
        subscribed.Text("name").ShouldBe("Named");
        subscribed.Body.GetProperty("endpointCount").GetInt32().ShouldBe(2);
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { recipientName = "Renamed" }, "subscribed");
        (await Server.Get($"/api/v1/apps/{app}/recipients/subscribed")).Text("name").ShouldBe("Renamed");
    }

    [Fact]
    public async Task Lists_are_newest_first_and_found_by_prefix()
    {
        var app = await Server.CreateApp();
        (await Server.Put($"/api/v1/apps/{app}/recipients/acme_1", new { name = "Acme One" })).Expect(201);
        (await Server.Put($"/api/v1/apps/{app}/recipients/acme_2", new { name = "Two %" })).Expect(201);
        (await Server.Put($"/api/v1/apps/{app}/recipients/beta", new { name = "Beta" })).Expect(201);

        async Task<IEnumerable<string?>> List(string query) =>
            (await Server.Get($"/api/v1/apps/{app}/recipients{query}")).Expect(200).Items.Select(item => item.GetProperty("recipient").GetString());
        (await List("")).ShouldBe(["beta", "acme_2", "acme_1"]);
        (await List("?q=acme_")).ShouldBe(["acme_2", "acme_1"]);
        (await List("?q=acme_1")).ShouldBe(["acme_1"]);
        (await List("?q=two%20%25")).ShouldBe(["acme_2"]);
        (await List("?q=%25")).ShouldBeEmpty();
        (await List("?q=_")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(10_000)]
    [InlineData(3)]
    public async Task A_search_by_name_knows_no_case_in_any_alphabet_and_misses_nothing_however_many_match(int bound)
    {
        await using var server = await TestServer.Start(replace: services => services.AddSingleton(new ReadBounds(bound)));
        var app = await server.CreateApp();
        string[] names = ["Ärzte GmbH", "Ωmega", "Яблоко", "ärztin", "Acme", "acme two", "ACME 3", "𐐨deseret", "x"];
        for (var i = 0; i < names.Length; i++)
        {
            (await server.Put($"/api/v1/apps/{app}/recipients/customer_{i}", new { name = names[i] })).Expect(201);
        }
        (await server.Delete($"/api/v1/apps/{app}/recipients/customer_5")).Expect(200);

        async Task<List<string?>> All(string q)
        {
            var found = new List<string?>();
            for (string? cursor = ""; cursor is not null;)
            {
                var page = (await server.Get(
                    $"/api/v1/apps/{app}/recipients?limit=2&q={Uri.EscapeDataString(q)}{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200);
                found.AddRange(page.Items.Select(item => item.GetProperty("name").GetString()));
                cursor = page.Body.GetProperty("nextCursor").GetString();
            }
            return found;
        }
        (await All("ÄRZTE")).ShouldBe(["Ärzte GmbH"]);
        (await All("ärzt")).ShouldBe(["ärztin", "Ärzte GmbH"]);
        (await All("ωMEGA")).ShouldBe(["Ωmega"]);
        (await All("яБ")).ShouldBe(["Яблоко"]);
        (await All("𐐀")).ShouldBe(["𐐨deseret"]);
        (await All("aCmE")).ShouldBe(["ACME 3", "Acme"]);
        (await All("customer_")).ShouldBe(["x", "𐐨deseret", "ACME 3", "Acme", "ärztin", "Яблоко", "Ωmega", "Ärzte GmbH"]);
        (await All("CUSTOMER_")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_deleted_recipient_takes_its_endpoints_along_and_its_messages_stay()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.UrlFor("/deleted"));
        fixture.Receiver.RespondPerPath("/deleted", 500);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() > 0);

        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1")).Expect(200).Body.GetProperty("endpointCount").GetInt32().ShouldBe(0);

        (await Server.Get($"/api/v1/apps/{app}/recipients/customer_1")).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1")).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/endpoints")).Items.ShouldBeEmpty();
        var canceled = await Server.Message(app, message);
        canceled.GetProperty("status").GetString().ShouldBe("canceled");
        canceled.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("endpoint_deleted");
        var next = await Server.Send(app);
        (await Server.Message(app, next)).GetProperty("status").GetString().ShouldBe("skipped");
        (await Server.Get($"/api/v1/apps/{app}/recipients/customer_1")).Expect(200).Body.GetProperty("endpointCount").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task A_purge_erases_its_messages_and_no_others()
    {
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "customer_2");
        var erased = await Server.Send(app);
        var kept = await Server.Send(app, recipient: "customer_2");
        await Server.WaitForMessage(app, erased, "succeeded");
        await Server.WaitForMessage(app, kept, "succeeded");

        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);

        (await Server.Get($"/api/v1/apps/{app}/messages/{erased}")).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/messages/{erased}/attempts")).Expect(404);
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldHaveSingleItem().GetProperty("messageId").GetString().ShouldBe(kept);
        (await Server.Attempts(app, kept)).Length.ShouldBe(1);
        var again = await Server.Send(app);
        (await Server.Message(app, again)).GetProperty("status").GetString().ShouldBe("skipped");
    }

    [Fact]
    public async Task Metadata_nested_as_deeply_as_was_accepted_can_be_read_back()
    {
        var app = await Server.CreateApp();
        foreach (var depth in Enumerable.Range(56, 9))
        {
            var metadata = "{\"a\":" + new string('[', depth) + new string(']', depth) + "}";
            var put = await Server.Raw(HttpMethod.Put, $"/api/v1/apps/{app}/recipients/deep{depth}", $$"""{"metadata":{{metadata}}}""");
            put.Status.ShouldBeOneOf(201, 400);
            if (put.Status == 201)
            {
                (await Server.Get($"/api/v1/apps/{app}/recipients/deep{depth}")).Expect(200).Body.GetProperty("metadata").GetRawText().ShouldBe(metadata);
                (await Server.Get($"/api/v1/apps/{app}/recipients?q=deep{depth}")).Expect(200).Items.Length.ShouldBe(1);
            }
        }
    }

    [Fact]
    public async Task A_recipient_that_was_deleted_before_can_still_be_purged_and_again()
    {
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1")).Expect(200);
        (await Server.Message(app, message)).GetProperty("status").GetString().ShouldBe("succeeded");

        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);

        (await Server.Get($"/api/v1/apps/{app}/messages/{message}")).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(404);
    }

    [Fact]
    public async Task A_purge_that_was_cut_short_after_its_first_step_is_finished_by_repeating_it()
    {
        var app = await Server.CreateApp();
        var message = await Server.Send(app);
        var found = await Recipient(app);
        await Server.Services.GetRequiredService<EndpointRemoval>().RemoveRecipient(await App(app), Actor.System, found, purge: true);

        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);

        (await Server.Get($"/api/v1/apps/{app}/messages/{message}")).Expect(404);
    }

    [Fact]
    public async Task What_is_sent_while_a_purge_runs_stays()
    {
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { recipientName = "Old name" });
        var old = await Server.Send(app);
        await Server.WaitForMessage(app, old, "succeeded");
        var found = await Recipient(app);
        var lastSeq = await Server.Services.GetRequiredService<EndpointRemoval>().RemoveRecipient(await App(app), Actor.System, found, purge: true);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var sent = await Server.Send(app);
        await Server.WaitForMessage(app, sent, "succeeded");
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);

        await Server.Services.GetRequiredService<MessageErasure>().EraseRecipient(found, lastSeq);
        await Server.Services.GetRequiredService<RecipientStore>().Erase(await App(app), found);

        (await Server.Get($"/api/v1/apps/{app}/messages/{old}")).Expect(404);
        (await Server.Message(app, sent)).GetProperty("deliveries").GetArrayLength().ShouldBe(1);
        (await Server.Get($"/api/v1/apps/{app}/recipients/customer_1")).Expect(200).Body.GetProperty("name").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
    }

    [Fact]
    public async Task Sends_and_lists_that_race_with_a_purge_lose_nothing_that_was_answered_and_meet_no_fault()
    {
        var app = await Server.CreateApp();
        for (var round = 0; round < 5; round++)
        {
            await Server.CreateEndpoint(app, fixture.Receiver.Url);
            await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Server.Send(app)));
            var purge = Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true");
            var lists = Enumerable.Range(0, 20).Select(_ => Server.Get($"/api/v1/apps/{app}/messages")).ToList();
            (await purge).Expect(200);
            (await Task.WhenAll(lists)).ShouldAllBe(list => list.Status == 200);
            var after = await Server.Send(app);
            (await Server.Message(app, after)).GetProperty("messageId").GetString().ShouldBe(after);
        }
    }

    private async Task<App> App(string app) => (await Server.Services.GetRequiredService<AppStore>().View(await Server.Caller(), app))!.App;

    private async Task<Recipient> Recipient(string app) => (await Server.Services.GetRequiredService<RecipientStore>().Find(await App(app), "customer_1"))!;
}
