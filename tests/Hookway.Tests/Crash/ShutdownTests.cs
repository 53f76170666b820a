using System.Net.Sockets;
using System.Text;
using Hookway.Tests.Support;

namespace Hookway.Tests.Crash;

/// <summary>A real process that is asked to end while somebody is slow.</summary>
[Collection(RealProcesses.Name)]
public class ShutdownTests
{
    [Fact]
    public async Task A_slow_upload_does_not_keep_the_server_from_ending()
    {
        var cancel = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("hookway-shutdown-");
        await using (var server = ServerProcess.Start(folder.FullName))
        {
            using var client = await server.Client();
            using var upload = new TcpClient();
            await upload.ConnectAsync("127.0.0.1", client.BaseAddress!.Port, cancel);
            await upload.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /api/v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ServerProcess.ApiKey}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"name\":"), cancel);
            // Another connection is answered after the upload began, so its request is in flight.
            using (var answer = await client.GetAsync("/api/v1/apps", cancel))
            {
                answer.EnsureSuccessStatusCode();
            }
            using var feed = new CancellationTokenSource();
            var feeding = Feed(upload.GetStream(), feed.Token);

            (await server.Terminate(TimeSpan.FromSeconds(25))).ShouldBe(0, string.Join('\n', server.Log));

            await feed.CancelAsync();
            await feeding;
            server.Faults.ShouldBeEmpty();
        }
        folder.Delete(recursive: true);
    }

    /// <summary>Just fast enough that the server does not take the sender for dead.</summary>
    private static async Task Feed(NetworkStream stream, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await stream.WriteAsync(" "u8.ToArray(), stop);
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, stop);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The server closed the connection, or the test ends.
        }
    }
}
