using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

public class RequestPipelineTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData("/api/v1/apps?cursor=%00")]
    [InlineData("/api/v1/apps/app_1/messages?recipient=a%00b")]
    [InlineData("/api/v1/apps/app_%00")]
    [InlineData("/%00")]
    public async Task The_character_that_no_store_can_hold_is_refused(string target) => (await Status(target)).ShouldBe(400);

    [Theory]
    [InlineData("/healthz?x=%2500", 200)]
    [InlineData("/%2500", 404)]
    public async Task A_percent_sign_with_two_zeros_is_not_that_character(string target, int status) => (await Status(target)).ShouldBe(status);

    [Theory]
    [InlineData("/%1b[2J/a%0Ab?token=secret", "/\u001b[2J/a\nb", "/%1b[2J/a%0Ab")]
    [InlineData("/a\u001b[2J\u009b\n\u00e9b", "/a", "/a?[2J???b")]
    [InlineData("?x", "", "")]
    [InlineData("/portal/hwp_secret/endpoints", "/portal/hwp_secret/endpoints", "/portal/***/endpoints")]
    [InlineData("/portal/hwp_secret/a\u001b", "/portal/hwp_secret/a\u001b", "/portal/***/a?")]
    [InlineData("/set-up/secret", "/set-up/secret", "/set-up/***")]
    [InlineData("/JOIN/abc", "/JOIN/abc", "/JOIN/***")]
    [InlineData("/reset-password/abc/", "/reset-password/abc/", "/reset-password/***/")]
    [InlineData("/ingest/src_1/token", "/ingest/src_1/token", "/ingest/src_1/***")]
    public void The_log_shows_a_path_as_it_was_sent_without_what_a_terminal_obeys(string target, string routed, string shown) =>
        RequestPipeline.ShownPath(target, routed).ShouldBe(shown);

    [Theory]
    [InlineData("/portal/hwp_secret/x")]
    [InlineData("/%70ortal/hwp_secret/x")]
    [InlineData("/api/../portal/hwp_secret/x")]
    [InlineData("http://x/portal/hwp_secret/x")]
    [InlineData("/ingest/src_1/hwp_secret")]
    [InlineData("/%69ngest/./src_1/hwp_secret?x=1")]
    [InlineData("//portal//hwp_secret/x")]
    public async Task A_token_in_a_path_is_not_logged_however_it_is_written(string target)
    {
        var log = new LinesLogged();
        await using var server = await TestServer.Start(replace: services => services.AddSingleton<ILogger<RequestPipeline>>(log));

        await Status(target, server);

        await TestServer.Until(() => !log.Lines.IsEmpty);
        log.Lines.ShouldAllBe(line => line.Contains("/***", StringComparison.Ordinal) && !line.Contains("hwp_secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_fault_of_the_writer_stops_the_server()
    {
        await using var server = await TestServer.Start();
        var lifetime = server.Services.GetRequiredService<IHostApplicationLifetime>();
        var lane = new WriteLane<int, int>("faulty", (_, items) => Task.FromResult(items.ToArray()), (_, _) => throw new InvalidOperationException("a bug"));

        (await server.Services.GetRequiredService<Database>().Write(lane, 1)).ShouldBe(1);

        await TestServer.Until(() => lifetime.ApplicationStopping.IsCancellationRequested);
        server.Services.GetRequiredService<FaultWatch>().Fault.ShouldNotBeNull();
    }

    /// <summary>Sends the target as it is, which no HTTP client would.</summary>
    private async Task<int> Status(string target, TestServer? server = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", (server ?? fixture.Server).Address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TestServer.EverythingKey}\r\n\r\n"));
        using var reader = new StreamReader(stream);
        return int.Parse((await reader.ReadToEndAsync()).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private sealed class LinesLogged : ILogger<RequestPipeline>
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));
    }
}
