using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class MessageErasureTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_canceled_message_stops_and_can_be_replayed()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = $"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, receiver.Url)}";
        (await Server.Patch(endpoint, new { paused = true })).Expect(200);
        var message = await Server.Send(app);

        var canceled = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/cancel")).Expect(200);

        canceled.Text("status").ShouldBe("canceled");
        canceled.Body.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("canceled");
        (await Server.Patch(endpoint, new { paused = false })).Expect(200);
        var next = await Server.Send(app);
        await Server.WaitForMessage(app, next, "succeeded");
        receiver.Count.ShouldBe(1);
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/cancel")).Expect(200).Text("status").ShouldBe("canceled");
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202);
        await Server.WaitForMessage(app, message, "succeeded");
    }

    [Fact]
    public async Task An_attempt_that_was_in_flight_does_not_reopen_what_was_canceled()
    {
        await using var receiver = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        receiver.Respond((_, _) => release.Task);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await receiver.WaitFor(1);

        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/cancel")).Expect(200);
        release.SetResult();

        await TestServer.Until(async () => (await Server.Attempts(app, message)).Length == 1);
        (await Server.Message(app, message)).GetProperty("status").GetString().ShouldBe("canceled");
    }

    [Theory]
    [InlineData("cancel")]
    [InlineData("erase")]
    [InlineData("replay")]
    public async Task An_ordered_queue_goes_on_when_its_head_is_taken_back_while_it_is_in_flight(string how)
    {
        await using var receiver = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        receiver.Respond(async (_, context) =>
        {
            if (receiver.Count == 1)
            {
                await release.Task;
                context.Response.StatusCode = 500;
            }
        });
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { ordered = true, retryBackoffSeconds = 3_600 });
        var head = await Server.Send(app);
        await receiver.WaitFor(1);
        var next = await Server.Send(app);
        var message = $"/api/v1/apps/{app}/messages/{head}";
        (how == "erase" ? await Server.Delete($"{message}/payload") : await Server.Post($"{message}/cancel")).Expect(200);
        if (how == "replay")
        {
            // The attempt in flight is of the run that was canceled.
            (await Server.Post($"{message}/replay")).Expect(202);
        }

        release.SetResult();

        await Server.WaitForMessage(app, next, "succeeded");
        if (how == "replay")
        {
            await Server.WaitForMessage(app, head, "succeeded");
            receiver.Requests.Select(request => request.Headers["webhook-id"]).ShouldBe([head, next, head]);
        }
        else
        {
            (await Server.Message(app, head)).GetProperty("status").GetString().ShouldBe("canceled");
        }
    }

    [Fact]
    public async Task Erasing_the_payload_keeps_the_record_and_stops_what_was_pending()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{await Server.CreateEndpoint(app, receiver.Url)}", new { paused = true })).Expect(200);
        var message = await Server.Send(app);

        (await Server.Delete($"/api/v1/apps/{app}/messages/{message}/payload")).Expect(200).Text("status").ShouldBe("canceled");

        var erased = await Server.Message(app, message);
        erased.TryGetProperty("data", out _).ShouldBeFalse();
        erased.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("payload_expired");
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).ExpectCode(400, "payload_expired");
        (await Server.Delete($"/api/v1/apps/{app}/messages/{message}/payload")).Expect(200);
    }

    [Fact]
    public async Task What_is_not_there_cannot_be_canceled_or_erased()
    {
        var app = await Server.CreateApp();
        (await Server.Post($"/api/v1/apps/{app}/messages/nothing/cancel")).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/messages/nothing/payload")).Expect(404);
        var message = await Server.Send(await Server.CreateApp());
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/cancel")).Expect(404);
    }

    [Fact]
    public async Task The_attempts_of_an_endpoint_are_listed_newest_first_also_when_it_is_deleted()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1 });
        var first = await Server.Send(app);
        await Server.WaitForMessage(app, first, "succeeded");
        receiver.RespondWith(500);
        var second = await Server.Send(app);
        await Server.WaitForMessage(app, second, "failed");
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}/attempts";
        async Task<IEnumerable<string?>> List(string query) =>
            (await Server.Get(path + query)).Expect(200).Items.Select(item => item.GetProperty("messageId").GetString());

        (await List("")).ShouldBe([second, first]);
        (await List("?status=failed")).ShouldBe([second]);
        (await List("?until=2000-01-01T00:00:00Z")).ShouldBeEmpty();
        (await List("?since=2000-01-01T00:00:00Z&limit=1")).ShouldBe([second]);
        var cursor = (await Server.Get(path + "?limit=1")).Text("nextCursor");
        (await List($"?limit=1&cursor={cursor}")).ShouldBe([first]);
        (await Server.Get(path + "?status=maybe")).ExpectInvalid("status");
    }
}
