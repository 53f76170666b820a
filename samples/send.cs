// Sends one message through a running Hookway, and prints what became of it:
//
//     HOOKWAY_KEY=hwk_… dotnet run samples/send.cs [endpoint URL] [server URL]
//
// It creates an app, an event type and an endpoint first, which a real sender does once.

using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

var endpointUrl = args.ElementAtOrDefault(0) ?? "http://localhost:9000/hook";
var server = args.ElementAtOrDefault(1) ?? "http://localhost:8080";
if (Environment.GetEnvironmentVariable("HOOKWAY_KEY") is not { Length: > 0 } key)
{
    Console.Error.WriteLine("Set HOOKWAY_KEY to an API key; the server prints one at its first start.");
    return 2;
}

using var client = new HttpClient { BaseAddress = new Uri(server) };
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

try
{
    var app = (await Call(HttpMethod.Post, "/api/v1/apps", """{"name":"Billing events"}""")).GetProperty("appId").GetString();
    await Call(HttpMethod.Put, $"/api/v1/apps/{app}/event-types/invoice.paid", """{"description":"An invoice was paid"}""");
    var endpoint = await Call(HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", JsonContent("customer_123", endpointUrl));
    Console.WriteLine($"The receiver verifies with {endpoint.GetProperty("secret").GetString()}");

    // A messageId of your own makes the call safe to repeat: the same id is the same message.
    var message = (await Call(
        HttpMethod.Post, $"/api/v1/apps/{app}/messages",
        """{"recipient":"customer_123","type":"invoice.paid","messageId":"invoice-paid-inv_1","data":{"invoiceId":"inv_1","amount":4200}}"""))
        .GetProperty("messageId").GetString();
    Console.WriteLine($"Accepted {message}");

    for (var status = "pending"; status == "pending"; await Task.Delay(TimeSpan.FromMilliseconds(200)))
    {
        status = (await Call(HttpMethod.Get, $"/api/v1/apps/{app}/messages/{message}")).GetProperty("status").GetString();
        Console.WriteLine($"It is {status}");
    }
    foreach (var attempt in (await Call(HttpMethod.Get, $"/api/v1/apps/{app}/messages/{message}/attempts")).GetProperty("data").EnumerateArray())
    {
        Console.WriteLine($"Attempt {attempt.GetProperty("number")}: {attempt.GetProperty("status")} {attempt.GetProperty("responseStatus")} {attempt.GetProperty("errorDetail")}");
    }
    return 0;
}
catch (HttpRequestException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static string JsonContent(string recipient, string url) => $$"""{"recipient":"{{recipient}}","url":"{{JsonEncodedText.Encode(url)}}"}""";

async Task<JsonElement> Call(HttpMethod method, string path, string? json = null)
{
    using var request = new HttpRequestMessage(method, path);
    request.Content = json is null ? null : new StringContent(json, MediaTypeHeaderValue.Parse("application/json"));
    using var response = await client.SendAsync(request);
    var body = await response.Content.ReadFromJsonAsync<JsonElement>();
    return response.IsSuccessStatusCode ? body : throw new HttpRequestException($"{method} {path}: {(int)response.StatusCode} {body}");
}
