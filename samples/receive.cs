#:sdk Microsoft.NET.Sdk.Web
#:project ../src/Hookway.Webhooks/Hookway.Webhooks.csproj

// Receives webhooks on http://localhost:9000 and prints them:
//
//     WEBHOOK_SECRET=whsec_… dotnet run samples/receive.cs [port]
//
// With WEBHOOK_SECRET set (several secrets separated by spaces), only messages that verify are accepted.

using Hookway.Webhooks;

if (!int.TryParse(args.FirstOrDefault() ?? "9000", out var port) || port is < 1 or > 65535)
{
    Console.Error.WriteLine("Usage: dotnet run samples/receive.cs [port]");
    return 2;
}

WebhookVerifier? verifier = null;
if (Environment.GetEnvironmentVariable("WEBHOOK_SECRET") is { Length: > 0 } text)
{
    var secrets = new List<WebhookSecret>();
    foreach (var part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
    {
        if (!WebhookSecret.TryParse(part, out var secret, out var problem))
        {
            Console.Error.WriteLine($"WEBHOOK_SECRET: {problem}");
            return 2;
        }

        secrets.Add(secret);
    }

    verifier = new WebhookVerifier(secrets);
}

var builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseUrls($"http://localhost:{port}");
builder.Logging.ClearProviders();
var app = builder.Build();

app.MapPost("/{**path}", async (HttpRequest request) =>
{
    using var buffer = new MemoryStream();
    await request.Body.CopyToAsync(buffer);
    // The signature covers the bytes as they came: verify before parsing, never parsed and written again.
    var body = buffer.ToArray();

    var verdict = verifier?.Verify(name => request.Headers[name], body);
    var status = verdict is null ? "not verified" : verdict.Value.IsVerified ? "verified" : "REFUSED";
    Console.WriteLine($"{status}  {request.Path}  {request.Headers[WebhookHeaders.Id]}  {body.Length} bytes");
    if (verdict is { IsVerified: false })
    {
        Console.WriteLine($"  {verdict.Value.Reason}");
        return Results.Text(verdict.Value.Reason, statusCode: StatusCodes.Status401Unauthorized);
    }

    Console.WriteLine($"  {System.Text.Encoding.UTF8.GetString(body)}");
    return Results.NoContent();
});

Console.WriteLine($"Receiving on http://localhost:{port}");
if (verifier is null)
{
    Console.WriteLine("WEBHOOK_SECRET is not set: messages are printed without being verified.");
}

await app.RunAsync();
return 0;
