using Dapper;
using Hookway.Access;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

public class ConfigurationTests
{
    [Fact]
    public async Task A_view_is_kept_until_its_subject_changes()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();
        await configuration.CatchUp();
        var loads = 0;
        ValueTask<string?> View() => configuration.View("thing:1", _ => Task.FromResult<string?>($"load {++loads}"));

        (await View()).ShouldBe("load 1");
        (await View()).ShouldBe("load 1");
        await Change(configuration, "thing:2");
        (await View()).ShouldBe("load 1");
        await Change(configuration, "thing:1");
        (await View()).ShouldBe("load 2");
    }

    [Fact]
    public async Task A_view_that_was_read_while_its_subject_changed_is_not_kept()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();

        (await configuration.View("thing:1", async _ =>
        {
            await Change(configuration, "thing:1");
            return "old";
        })).ShouldBe("old");

        (await configuration.View("thing:1", _ => Task.FromResult<string?>("new"))).ShouldBe("new");
    }

    [Fact]
    public async Task What_is_missing_is_asked_for_again()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();
        (await configuration.View("thing:1", _ => Task.FromResult<string?>(null))).ShouldBeNull();
        (await configuration.View("thing:1", _ => Task.FromResult<string?>("there"))).ShouldBe("there");
    }

    [Fact]
    public async Task A_decision_from_before_a_change_is_stale_and_one_from_after_it_is_not()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();
        var before = configuration.Version;
        await Change(configuration, "thing:1");
        configuration.IsStale("thing:1", before).ShouldBeTrue();
        configuration.IsStale("thing:2", before).ShouldBeFalse();
        await server.CreateApp();
        await server.Send(await server.CreateApp());
        configuration.IsStale("thing:1", configuration.Version).ShouldBeFalse();
    }

    [Fact]
    public async Task A_change_of_another_process_is_noticed_by_the_next_accept()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        await server.WaitForMessage(app, await server.Send(app), "succeeded");
        await using (var other = ServerHost.BuildTools(server.Services.GetRequiredService<ServerSettings>()))
        {
            await ServerHost.OpenExistingStore(other);
            await other.GetRequiredService<Configuration>().ChangeUnrecorded(async (session, touched) =>
            {
                var (no, appNo) = await session.Connection.QuerySingleAsync<(long, long)>(
                    "UPDATE endpoints SET enabled = 0 WHERE id = @endpoint RETURNING no, app_no", new { endpoint });
                touched.Add($"recipient:{appNo}:customer_1");
                touched.Add($"target:{no}");
                return 0;
            });
        }
        (await server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" })).Expect(202).Text("status").ShouldBe("skipped");
    }

    [Fact]
    public async Task A_revocation_by_another_process_is_seen_by_every_request_that_begins_after_it()
    {
        await using var server = await TestServer.Start();
        var key = await server.CreateKey([Scopes.AppRead]);
        (await server.Get("/api/v1/apps", key)).Expect(200);
        await using var other = ServerHost.BuildTools(server.Services.GetRequiredService<ServerSettings>());
        await ServerHost.OpenExistingStore(other);
        await other.GetRequiredService<Configuration>().ChangeUnrecorded(async (session, touched) =>
        {
            touched.Add(ApiKey.SubjectOf(ApiKey.HashOf(key)));
            return await session.Connection.ExecuteAsync("UPDATE api_keys SET revoked_at = 1 WHERE hash = @hash", new { hash = ApiKey.HashOf(key) });
        });

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => server.Get("/api/v1/apps", key)));

        answers.ShouldAllBe(answer => answer.Status == 401);
    }

    [Fact]
    public async Task One_look_answers_all_who_asked_before_it_began_and_none_who_asked_later()
    {
        var looks = new List<TaskCompletionSource>();
        var shared = new SharedLook(() =>
        {
            looks.Add(new TaskCompletionSource());
            return looks[^1].Task;
        });
        var first = shared.Take();
        Task[] later = [shared.Take(), shared.Take(), shared.Take()];
        looks.Count.ShouldBe(1);

        looks[0].SetResult();
        await first;
        await TestServer.Until(() => looks.Count == 2);
        later.ShouldAllBe(task => !task.IsCompleted);
        looks[1].SetException(new StorageUnavailableException("Away."));
        foreach (var task in later)
        {
            await Should.ThrowAsync<StorageUnavailableException>(() => task);
        }
        var last = shared.Take();
        looks.Count.ShouldBe(3);
        looks[2].SetResult();
        await last;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sends_that_race_with_changes_never_leave_a_delivery_without_an_end(bool delete)
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.KeepRequests = false;
        var app = await server.CreateApp();
        for (var round = 0; round < 10; round++)
        {
            var endpoint = $"/api/v1/apps/{app}/endpoints/{await server.CreateEndpoint(app, receiver.Url)}";
            var sends = Enumerable.Range(0, 30).Select(_ => server.Send(app)).ToList();
            var change = delete ? server.Delete(endpoint) : server.Patch(endpoint, new { enabled = false });
            sends.AddRange(Enumerable.Range(0, 30).Select(_ => server.Send(app)));
            (await change).Expect(200);
            var after = await server.Send(app);
            (await server.Message(app, after)).GetProperty("status").GetString().ShouldBe("skipped");
            await Task.WhenAll(sends);
        }
        await TestServer.Until(async () => (await server.Get($"/api/v1/apps/{app}/messages?status=pending&limit=1")).Items.Length == 0);
    }

    [Fact]
    public async Task A_reader_that_is_behind_what_is_kept_forgets_all_its_views()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();
        var app = await server.CreateApp();
        await server.Send(app);
        (await configuration.View("thing:1", _ => Task.FromResult<string?>("old"))).ShouldBe("old");
        var version = configuration.Version;
        await server.Services.GetRequiredService<Database>().Write(session =>
            session.Connection.ExecuteAsync("UPDATE configuration_counter SET value = value + 5"));

        await server.Send(app);

        (await configuration.View("thing:1", _ => Task.FromResult<string?>("new"))).ShouldBe("new");
        configuration.IsStale("thing:2", version).ShouldBeTrue();
        configuration.IsStale("thing:2", configuration.Version).ShouldBeFalse();
    }

    [Fact]
    public async Task Old_changes_are_trimmed_a_few_with_each_new_one()
    {
        await using var server = await TestServer.Start();
        var configuration = server.Services.GetRequiredService<Configuration>();
        var database = server.Services.GetRequiredService<Database>();
        for (var change = 0; change < 5; change++)
        {
            await Change(configuration, "thing:1");
        }
        Task<long> Count() => database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT count(*) FROM configuration_changes"));
        var before = await Count();
        await database.Write(session => session.Connection.ExecuteAsync(
            "UPDATE configuration_counter SET value = value + @KeptChanges", new { Configuration.KeptChanges }));

        await Change(configuration, "thing:1");
        (await Count()).ShouldBe(before - 1);
        await Change(configuration, "thing:1");
        (await Count()).ShouldBe(before - 2);
    }

    private static Task<int> Change(Configuration configuration, string subject) => configuration.ChangeUnrecorded((_, touched) =>
    {
        touched.Add(subject);
        return Task.FromResult(0);
    });
}
