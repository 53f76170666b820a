#:project ../src/Hookway.Webhooks/Hookway.Webhooks.csproj

// Tells whether one message was signed with a secret; the body comes on standard input, byte for byte:
//
//     dotnet run samples/verify.cs SECRET ID TIMESTAMP SIGNATURE [--any-time] < body.json
//
// SECRET is a whsec_ or whpk_ text, the others are the webhook-* headers. Exits with 0 when the message verifies.

using Hookway.Webhooks;

var anyTime = args.Contains("--any-time");
var values = args.Where(arg => arg != "--any-time").ToArray();
if (values.Length != 4)
{
    Console.Error.WriteLine("Usage: dotnet run samples/verify.cs SECRET ID TIMESTAMP SIGNATURE [--any-time] < body");
    return 2;
}

if (!WebhookSecret.TryParse(values[0], out var secret, out var problem))
{
    Console.Error.WriteLine(problem);
    return 2;
}

using var body = new MemoryStream();
await Console.OpenStandardInput().CopyToAsync(body);

var verifier = new WebhookVerifier([secret], tolerance: anyTime ? TimeSpan.MaxValue : null);
var verdict = verifier.Verify(values[1], values[2], values[3], body.ToArray());
Console.WriteLine($"{verdict}: {verdict.Reason}");
return verdict.IsVerified ? 0 : 1;
