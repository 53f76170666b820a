using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Messages;

/// <summary>Lists look at a bounded number of rows for a page and go on where they stopped: whatever the filter, the pages together are the whole list.</summary>
public class MessageListTests
{
    private const int Bound = 10;

    [Fact]
    public async Task A_list_whose_filter_few_pass_comes_in_pages_that_may_be_empty_and_in_the_end_has_them_all()
    {
        await using var server = await Start();
        var app = await server.CreateApp("rare", "common");
        var first = await server.Send(app, type: "rare");
        for (var i = 0; i < 5 * Bound; i++)
        {
            await server.Send(app, type: "common", recipient: $"customer_{i % 3}");
        }
        var last = await server.Send(app, type: "rare", recipient: "customer_2");

        (await Pages(server, app, "type=rare")).ShouldSatisfyAllConditions(
            pages => pages.SelectMany(page => page).ShouldBe([last, first]),
            pages => pages.Count.ShouldBe(6),
            pages => pages.Count(page => page.Count == 0).ShouldBe(4));
        (await Pages(server, app, "q=rare")).SelectMany(page => page).ShouldBe([last, first]);
        (await Pages(server, app, "type=common&limit=7")).SelectMany(page => page).Count().ShouldBe(5 * Bound);
        (await Pages(server, app, "status=succeeded")).SelectMany(page => page).ShouldBeEmpty();
        (await Pages(server, app, "status=skipped")).SelectMany(page => page).Count().ShouldBe((5 * Bound) + 2);
        // What an index finds is on the first page, however old.
        (await Pages(server, app, $"q={first}"))[0].ShouldBe([first]);
        (await Pages(server, app, "recipient=customer_1&type=rare"))[0].ShouldBeEmpty();
        (await Pages(server, app, $"q={first}&type=common")).SelectMany(page => page).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_failed_was_canceled_or_is_pending_is_found_at_once_however_old()
    {
        await using var server = await Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        var failing = await server.CreateEndpoint(app, receiver.UrlFor("/failing"), new { retryMaxAttempts = 1 }, recipient: "failing");
        var paused = await server.CreateEndpoint(app, receiver.Url, recipient: "paused");
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{paused}", new { paused = true })).Expect(200);
        receiver.RespondPerPath("/failing", 500);
        var failed = await server.Send(app, recipient: "failing");
        var canceled = await server.Send(app, recipient: "paused");
        (await server.Post($"/api/v1/apps/{app}/messages/{canceled}/cancel")).Expect(200);
        var pending = await server.Send(app, recipient: "paused");
        await server.WaitForMessage(app, failed, "failed");
        for (var i = 0; i < 3 * Bound; i++)
        {
            await server.Send(app, recipient: "nobody");
        }

        (await Pages(server, app, "status=failed"))[0].ShouldBe([failed]);
        (await Pages(server, app, "status=canceled"))[0].ShouldBe([canceled]);
        (await Pages(server, app, "status=pending"))[0].ShouldBe([pending]);
        (await Pages(server, app, "status=failed&recipient=paused")).SelectMany(page => page).ShouldBeEmpty();
        (await Pages(server, app, "status=pending&q=paused")).SelectMany(page => page).ShouldBe([pending]);
        (await Pages(server, app, "status=failed&type=other")).SelectMany(page => page).ShouldBeEmpty();
        (await server.Get($"/api/v1/apps/{app}/endpoints/{failing}/attempts?status=failed")).Expect(200).Items.Length.ShouldBe(1);
    }

    [Fact]
    public async Task More_than_a_page_looks_at_is_pending_or_failed_and_all_of_it_is_listed()
    {
        await using var server = await Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        // Each fails fewer times than make the engine wait between probes.
        for (var i = 0; i < Bound; i++)
        {
            await server.CreateEndpoint(app, receiver.UrlFor("/failing"), new { retryMaxAttempts = 1 }, recipient: $"failing_{i}");
        }
        var paused = await server.CreateEndpoint(app, receiver.Url, recipient: "paused");
        (await server.Patch($"/api/v1/apps/{app}/endpoints/{paused}", new { paused = true })).Expect(200);
        receiver.RespondPerPath("/failing", 500);
        var (failing, waiting) = (new List<string>(), new List<string>());
        for (var i = 0; i < 3 * Bound; i++)
        {
            failing.Insert(0, await server.Send(app, recipient: $"failing_{i % Bound}"));
            waiting.Insert(0, await server.Send(app, recipient: "paused"));
        }
        await TestServer.Until(async () => (await Pages(server, app, "status=failed")).Sum(page => page.Count) == 3 * Bound);

        (await Pages(server, app, "status=failed&limit=4")).SelectMany(page => page).ShouldBe(failing);
        (await Pages(server, app, "status=pending&limit=4")).SelectMany(page => page).ShouldBe(waiting);
        (await Pages(server, app, "status=pending&type=other")).SelectMany(page => page).ShouldBeEmpty();
    }

    [Fact]
    public async Task Lists_between_two_times_are_exact_also_where_the_clock_was_set_back()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.Parse("2026-01-31T12:00:00Z", System.Globalization.CultureInfo.InvariantCulture)) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };
        await using var server = await Start(clock);
        var app = await server.CreateApp();
        var sent = new List<(string Id, DateTimeOffset At)>();
        foreach (var minutes in (int[])[0, 1, 2, 3, -90, 1, 1, 40, 60, 1])
        {
            if (minutes < 0)
            {
                clock.AdjustTime(clock.GetUtcNow() + TimeSpan.FromMinutes(minutes));
            }
            else
            {
                clock.Advance(TimeSpan.FromMinutes(minutes));
            }
            var id = await server.Send(app);
            sent.Add((id, (await server.Message(app, id)).GetProperty("createdAt").GetDateTimeOffset()));
        }
        foreach (var (_, since) in sent)
        {
            foreach (var (_, until) in sent)
            {
                var query = $"since={Time(since)}&until={Time(until)}";
                (await Pages(server, app, query)).SelectMany(page => page).ShouldBe(
                    sent.Where(message => message.At >= since && message.At < until).Select(message => message.Id).Reverse(), query);
            }
        }
    }

    private static Task<TestServer> Start(TimeProvider? clock = null) =>
        TestServer.Start(clock: clock, replace: services => services.AddSingleton(new ReadBounds(Bound)));

    private static string Time(DateTimeOffset at) => Hookway.Api.Times.Format(at);

    private static async Task<List<List<string>>> Pages(TestServer server, string app, string query)
    {
        var pages = new List<List<string>>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await server.Get($"/api/v1/apps/{app}/messages?{query}{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200);
            pages.Add([.. page.Items.Select(item => item.GetProperty("messageId").GetString()!)]);
            cursor = page.Body.GetProperty("nextCursor").GetString();
        }
        return pages;
    }
}
