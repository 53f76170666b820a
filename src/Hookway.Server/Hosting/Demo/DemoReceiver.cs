using System.Net;

namespace Hookway.Hosting.Demo;

/// <summary>The receivers of the demo's customers, on a free loopback port: some answer at once, some take their time, some fail now and then, and some always.</summary>
public sealed class DemoReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Random _random;
    private readonly TimeProvider _clock;

    private DemoReceiver(Random random, TimeProvider clock)
    {
        _random = random;
        _clock = clock;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(Answer);
    }

    public static async Task<DemoReceiver> Start(Random random, TimeProvider clock)
    {
        var receiver = new DemoReceiver(random, clock);
        await receiver._app.StartAsync();
        return receiver;
    }

    /// <param name="manner">healthy, slow, flaky, strict or broken.</param>
    public string UrlOf(string manner, string customer) => $"{_app.Urls.First()}/{manner}/{customer}/webhooks";

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Answer(HttpContext http)
    {
        await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
        var manner = http.Request.Path.Value!.Split('/')[1];
        await Task.Delay(TimeSpan.FromMilliseconds(manner == "slow" ? _random.Next(350, 1_400) : _random.Next(8, 60)), _clock, http.RequestAborted);
        var (status, body) = manner switch
        {
            "flaky" when _random.Next(3) == 0 => (StatusCodes.Status503ServiceUnavailable, """{"error":"database is away","retry":true}"""),
            "strict" when _random.Next(6) == 0 => (StatusCodes.Status422UnprocessableEntity, """{"error":"unknown_currency","detail":"currency must be one of EUR, USD"}"""),
            "broken" => (StatusCodes.Status500InternalServerError, "<html><body><h1>Internal Server Error</h1><p>nginx/1.25</p></body></html>"),
            _ => (StatusCodes.Status200OK, """{"received":true}"""),
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = body[0] == '<' ? "text/html" : "application/json";
        http.Response.Headers["x-request-id"] = $"r-{_random.Next(0x10000000, int.MaxValue):x}";
        await http.Response.WriteAsync(body, http.RequestAborted);
    }
}
