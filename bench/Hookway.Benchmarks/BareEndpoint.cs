namespace Hookway.Benchmarks;

/// <summary>
/// The yardsticks, each in a process of its own: a web application as the framework makes it, with a route that reads the body of every POST and answers 202 with a small
/// JSON; and the least that Kestrel can be made to do, without host defaults, routing and middleware.
/// </summary>
public static class BareEndpoint
{
    private static readonly byte[] Answer = """{"messageId":"msg_00000000000000000000000000"}"""u8.ToArray();

    /// <summary>A default web application with logging off, until the process is ended.</summary>
    public static async Task RunDefault(string port)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        await using var app = builder.Build();
        app.MapGet("/", () => "ready");
        app.MapPost("/", async (HttpContext http) =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            return Results.Accepted(uri: null, new { messageId = "msg_00000000000000000000000000" });
        });
        await app.RunAsync();
    }

    /// <summary>Kestrel alone, until the process is ended.</summary>
    public static async Task RunBarest(string port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{port}").ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        await using var app = builder.Build();
        app.Run(async http =>
        {
            for (var isRead = false; !isRead;)
            {
                var read = await http.Request.BodyReader.ReadAsync();
                isRead = read.IsCompleted;
                http.Request.BodyReader.AdvanceTo(read.Buffer.End);
            }
            http.Response.StatusCode = HttpMethods.IsPost(http.Request.Method) ? StatusCodes.Status202Accepted : StatusCodes.Status200OK;
            http.Response.ContentType = "application/json";
            http.Response.ContentLength = Answer.Length;
            await http.Response.Body.WriteAsync(Answer);
        });
        await app.RunAsync();
    }
}
