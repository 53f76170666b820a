using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>Receivers that never stop answering, many at once, against a real process: what it holds in memory has a bound.</summary>
[Collection(RealProcesses.Name)]
public class EndlessBodiesTests
{
    private const int Receivers = 500;

    /// <summary>Far below what 500 receivers would have brought in if it were kept, and above what the runtime takes for 500 connections.</summary>
    private const int MostMebibytes = 200;

    [Fact]
    public async Task Five_hundred_endless_bodies_are_read_in_part_and_cost_a_bounded_memory()
    {
        var cancel = TestContext.Current.CancellationToken;
        var sent = 0L;
        await using var receiver = RawReceiver.Play(async connection =>
        {
            await connection.ReadRequest();
            await connection.Send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
            var endless = new string('x', 65_536);
            while (true)
            {
                // Waits while nobody reads, and fails when the connection is closed.
                await connection.Send(endless);
                Interlocked.Add(ref sent, endless.Length);
            }
        });
        var folder = Directory.CreateTempSubdirectory("hookway-endless-");
        await using (var server = ServerProcess.Start(folder.FullName, new KeyValuePair<string, string>("Hookway__Deliveries__MaxInFlight", "512"), new("Logging__LogLevel__Default", "Warning")))
        {
            using var client = await server.Client();
            var app = (await Read(await client.PostAsJsonAsync("/api/v1/apps", new { name = "Endless" }, cancel))).GetProperty("appId").GetString()!;
            (await client.PutAsJsonAsync($"/api/v1/apps/{app}/event-types/invoice.paid", new { }, cancel)).EnsureSuccessStatusCode();
            for (var i = 0; i < Receivers; i++)
            {
                (await client.PostAsJsonAsync($"/api/v1/apps/{app}/endpoints", new { recipient = "customer_1", url = new Uri(receiver.Url, $"/{i}") }, cancel)).EnsureSuccessStatusCode();
            }
            var before = server.PeakMebibytes;

            var message = (await Read(await client.PostAsJsonAsync($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" }, cancel))).GetProperty("messageId").GetString()!;
            var deliveries = default(JsonElement);
            await TestServer.Until(
                async () =>
                {
                    deliveries = (await Read(await client.GetAsync($"/api/v1/apps/{app}/messages/{message}", cancel))).GetProperty("deliveries");
                    return deliveries.EnumerateArray().All(delivery => delivery.GetProperty("status").GetString() != "pending");
                },
                patience: TimeSpan.FromSeconds(60));

            deliveries.GetArrayLength().ShouldBe(Receivers);
            deliveries.EnumerateArray().ShouldAllBe(delivery => delivery.GetProperty("status").GetString() == "succeeded");
            (server.PeakMebibytes - before).ShouldBeLessThan(MostMebibytes, $"{sent >> 20} MiB were sent");
            var attempts = await Read(await client.GetAsync($"/api/v1/apps/{app}/messages/{message}/attempts?limit=50", cancel));
            attempts.GetProperty("data").EnumerateArray().ShouldAllBe(attempt => attempt.GetProperty("responseBody").GetString()!.Length <= 65_536);
            server.Faults.ShouldBeEmpty();
        }
        folder.Delete(recursive: true);
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
