using System.Text.Json;
using Dapper;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class UnmatchedTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_message_remembers_which_of_its_recipients_endpoints_it_was_not_for_and_why()
    {
        var app = await Server.CreateApp("invoice.paid", "invoice.sent");
        var gets = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var other = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "invoice.sent" } });
        var filtered = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { filter = new[] { new { bodyPath = "amount", equals = 2 } } });
        var disabled = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var paused = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var deleted = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "somebody_else");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{disabled}", new { enabled = false })).Expect(200);
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{paused}", new { paused = true })).Expect(200);
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{deleted}")).Expect(200);

        var message = await Server.Send(app);

        var shown = await Server.Message(app, message);
        Reasons(shown).ShouldBe([(other, "not_subscribed"), (filtered, "filtered_out"), (disabled, "disabled")]);
        shown.GetProperty("deliveries").EnumerateArray().Select(delivery => delivery.GetProperty("endpointId").GetString()).ShouldBe([gets, paused]);

        // It tells what was, not what is.
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{disabled}", new { enabled = true })).Expect(200);
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{other}")).Expect(200);
        Reasons(await Server.Message(app, message)).ShouldBe([(other, "not_subscribed"), (filtered, "filtered_out"), (disabled, "disabled")]);
    }

    [Fact]
    public async Task Nothing_is_stored_or_shown_of_a_message_that_was_for_all_and_lists_leave_it_out()
    {
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var message = await Server.Send(app);
        var nobodys = await Server.Send(app, recipient: "nobody");

        Reasons(await Server.Message(app, message)).ShouldBeEmpty();
        Reasons(await Server.Message(app, nobodys)).ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldAllBe(item => !Shows(item));
        (await Server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<long>(
            "SELECT count(*) FROM messages WHERE unmatched IS NOT NULL AND id IN (@message, @nobodys)", new { message, nobodys }))).ShouldBe(0);
    }

    [Fact]
    public async Task A_test_message_is_for_one_endpoint_and_passes_none_over()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "other" } });
        var message = (await Server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/test")).Expect(202).Text("messageId");
        Reasons(await Server.Message(app, message)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_change_that_lands_between_the_send_and_its_commit_is_in_the_list()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        for (var i = 0; i < 20; i++)
        {
            var (sent, changed) = (Server.Send(app), Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = i % 2 == 1 }));
            await changed;
            var message = await Server.Message(app, await sent);
            (message.GetProperty("deliveries").GetArrayLength() + message.GetProperty("unmatched").GetArrayLength()).ShouldBe(1, message.ToString());
        }
    }

    [Fact]
    public void The_list_is_bounded_and_reads_back_as_it_was_written()
    {
        var unmatched = new Unmatched();
        for (var no = 1; no <= 250; no++)
        {
            unmatched.Add(no, (MismatchReason)(no % 3));
        }
        Unmatched.Read(unmatched.ToString()).ShouldBe(Enumerable.Range(1, Unmatched.MostKept).Select(no => ((long)no, (MismatchReason)(no % 3))));
        Unmatched.Read(null).ShouldBeEmpty();
    }

    private static bool Shows(JsonElement message) => message.TryGetProperty("unmatched", out _);

    private static IEnumerable<(string, string)> Reasons(JsonElement message) =>
        message.GetProperty("unmatched").EnumerateArray().Select(item => (item.GetProperty("endpointId").GetString()!, item.GetProperty("reason").GetString()!));
}
