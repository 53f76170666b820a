using System.Globalization;
using System.Text;
using Dapper;
using Hookway.Deliveries.Ownership;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

/// <summary>What a node on PostgreSQL tells of its place among the others; ./test runs this class there alone. Alone: what listens to a meter hears all servers of the process.</summary>
[Collection(RealProcesses.Name)]
public class NodeMetricsTests
{
    private static readonly NodeOptions Quick = new()
    {
        Lease = TimeSpan.FromSeconds(2),
        LookEvery = TimeSpan.FromMilliseconds(50),
        Linger = TimeSpan.FromMilliseconds(300),
        LingerAlone = TimeSpan.FromMilliseconds(300),
    };

    [Fact]
    public async Task Targets_leases_and_what_became_of_them_are_counted()
    {
        PostgresDatabaseForTest.IsAsked.ShouldBeTrue($"{PostgresDatabaseForTest.Variable} is not set; ./test runs this class on PostgreSQL alone");
        await using var receiver = await ReceiverStub.Start();
        var answer = new TaskCompletionSource();
        receiver.Respond((_, _) => answer.Task);
        await using var server = await TestServer.Start(replace: services => services.AddSingleton(Quick));
        var database = server.Services.GetRequiredService<Database>();
        var app = await server.CreateApp();
        await server.CreateEndpoint(app, receiver.Url);
        var message = await server.Send(app);
        await receiver.WaitFor(1);

        await Until(server, "targets_owned", value => value == 1);
        await Until(server, "targets_taken_total", value => value == 1, "accepted");
        await Until(server, "lease_renewals_total", value => value >= 1);
        await Until(server, "lease_age_seconds", value => value < Quick.Lease.TotalSeconds);

        // Another node has died long ago, and this one is thought to be dead by others.
        await database.Aside(connection => connection.ExecuteAsync("INSERT INTO nodes (name, lease_until) VALUES ('dead', 0)"));
        await Until(server, "given_up_total", value => value == 1);
        await database.Aside(connection => connection.ExecuteAsync(
            "WITH gone AS (DELETE FROM nodes RETURNING no) INSERT INTO departed_nodes SELECT no FROM gone"));
        await Until(server, "lease_losses_total", value => value == 1);
        await Until(server, "targets_taken_total", value => value == 1, "found");
        answer.SetResult();
        await server.WaitForMessage(app, message, "succeeded");
        await Until(server, "targets_let_go_total", value => value == 1);
        await Until(server, "targets_owned", value => value == 0);
    }

    private static async Task Until(TestServer server, string name, Func<double, bool> holds, string? how = null)
    {
        var page = "";
        await TestServer.Until(
            async () =>
            {
                page = Encoding.UTF8.GetString((await server.Get("/metrics", key: null)).Expect(200).Bytes);
                return NodeMetrics.Read(page, name, how) is { } value && holds(value);
            },
            () => $"{name}: {page}");
    }
}

/// <summary>Reads the metrics of a node.</summary>
internal static class NodeMetrics
{
    /// <summary>The value of one that begins with <c>hookway_node_</c>; null when it is not there.</summary>
    public static double? Read(string page, string name, string? how = null) => page.Split('\n')
        .Where(line => line.StartsWith($"hookway_node_{name}", StringComparison.Ordinal) && (how is null || line.Contains($"how=\"{how}\"", StringComparison.Ordinal)))
        .Select(line => (double?)double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ').First(part => !part.StartsWith("hookway", StringComparison.Ordinal)), CultureInfo.InvariantCulture))
        .FirstOrDefault();
}
