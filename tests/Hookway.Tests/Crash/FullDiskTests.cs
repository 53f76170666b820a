using System.Net;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>The disk of an embedded store runs full under load: accepts are refused with 503, what was acknowledged stays, and work goes on by itself when there is room again.</summary>
[Collection(RealProcesses.Name)]
public class FullDiskTests
{
    private const int DataBytes = 20_000;

    [Fact]
    public async Task A_full_disk_refuses_what_it_cannot_keep_and_loses_nothing_that_was_accepted()
    {
        await using var receiver = await ReceiverStub.Start();
        await using var disk = await SmallDisk.Mount(megabytes: 48);
        await disk.Fill("ballast", megabytes: 16);
        var acknowledged = new List<string>();
        string app;
        await using (var server = ServerProcess.StartOn(disk, new KeyValuePair<string, string>("Logging__LogLevel__Default", "Warning")))
        {
            using var client = await server.Client();
            app = await MakeApp(client, receiver);

            var refused = 0;
            while (refused < 20)
            {
                var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Send(client, app)));
                acknowledged.AddRange(answers.Where(answer => answer.Id is not null).Select(answer => answer.Id!));
                answers.ShouldAllBe(answer => answer.Status == HttpStatusCode.Accepted || answer.Status == HttpStatusCode.ServiceUnavailable);
                refused += answers.Count(answer => answer.Id is null);
            }
            acknowledged.Count.ShouldBeGreaterThan(200);
            // What is there can be read.
            (await Exists(client, app, acknowledged[^1])).ShouldBeTrue();

            disk.Free("ballast");
            await TestServer.Until(async () =>
            {
                var (status, id) = await Send(client, app);
                acknowledged.AddRange(id is null ? [] : [id]);
                return status == HttpStatusCode.Accepted;
            });
            await TestServer.Until(() => receiver.Requests.Select(IdOf).ToHashSet().IsSupersetOf(acknowledged));
            server.Faults.ShouldNotBeEmpty();
            server.Faults.ShouldAllBe(line => line.Contains("The disk is full", StringComparison.Ordinal));
            await server.Kill();
        }

        await using var again = ServerProcess.StartOn(disk);
        using var after = await again.Client();
        foreach (var id in acknowledged)
        {
            (await Exists(after, app, id)).ShouldBeTrue(id);
        }
        // Whoever was refused has been told the truth: nothing is there that was not acknowledged.
        (await CountMessages(after, app)).ShouldBe(acknowledged.Count);
        again.Faults.ShouldBeEmpty();
    }

    private static string IdOf(ReceivedRequest request) => request.Headers["webhook-id"];

    private static async Task<string> MakeApp(HttpClient client, ReceiverStub receiver)
    {
        var app = (await Read(await client.PostAsJsonAsync("/api/v1/apps", new { name = "Full disk" }))).GetProperty("appId").GetString()!;
        (await client.PutAsJsonAsync($"/api/v1/apps/{app}/event-types/invoice.paid", new { })).EnsureSuccessStatusCode();
        (await client.PostAsJsonAsync($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = receiver.Url })).EnsureSuccessStatusCode();
        return app;
    }

    private static async Task<(HttpStatusCode Status, string? Id)> Send(HttpClient client, string app)
    {
        using var answer = await client.PostAsJsonAsync(
            $"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", data = new { text = new string('x', DataBytes) } });
        return (answer.StatusCode, answer.IsSuccessStatusCode ? (await Read(answer)).GetProperty("messageId").GetString() : null);
    }

    private static async Task<bool> Exists(HttpClient client, string app, string id)
    {
        using var answer = await client.GetAsync($"/api/v1/apps/{app}/messages/{id}");
        return answer.IsSuccessStatusCode;
    }

    private static async Task<int> CountMessages(HttpClient client, string app)
    {
        var count = 0;
        for (var cursor = ""; ;)
        {
            var page = await Read(await client.GetAsync($"/api/v1/apps/{app}/messages?limit=250{cursor}"));
            count += page.GetProperty("data").GetArrayLength();
            if (page.GetProperty("nextCursor").GetString() is not { } next)
            {
                return count;
            }
            cursor = $"&cursor={next}";
        }
    }

    private static async Task<JsonElement> Read(HttpResponseMessage answer)
    {
        using (answer)
        {
            answer.EnsureSuccessStatusCode();
            return JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync());
        }
    }
}
