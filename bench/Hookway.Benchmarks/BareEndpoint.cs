namespace Hookway.Benchmarks;

/// <summary>The yardstick: Kestrel in a process of its own that reads the body of every POST and answers 202 with a small JSON; no routing, no logging, no parsing.</summary>
public static class BareEndpoint
{
    private static readonly byte[] Answer = """{"messageId":"msg_00000000000000000000000000"}"""u8.ToArray();

    /// <summary>Serves until the process is ended.</summary>
    public static async Task Run(string port)
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
