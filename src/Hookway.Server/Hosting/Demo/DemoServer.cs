using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Hosting.Demo;

/// <summary>What runs beside the server in a demo: receivers, a backend that sends messages over the API as any other would, and vendors that send events.</summary>
public sealed class DemoServer : IAsyncDisposable
{
    /// <summary>What a demo that is new lives through first.</summary>
    public static readonly TimeSpan FirstTime = TimeSpan.FromHours(1);

    /// <summary>Messages that are sent at once, so that pages have something to show.</summary>
    private const int FirstMessages = 60;
    private const int FirstEvents = 20;
    private const string Email = "demo@example.com";

    private static readonly TimeSpan Step = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StepTakes = TimeSpan.FromMilliseconds(250);

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private readonly CancellationTokenSource _over = new();
    private readonly DemoReceiver _receiver;
    private readonly Uri _address;
    private readonly string _key;
    private Task _traffic = Task.CompletedTask;

    private DemoServer(DemoReceiver receiver, Uri address, string key)
    {
        _receiver = receiver;
        _address = address;
        _key = key;
    }

    /// <summary>Starts it on a server that listens, and answers with a line for the operator.</summary>
    public static async Task<(DemoServer Demo, string Line)> Start(IServiceProvider services, Uri address)
    {
        var workspace = (await services.GetRequiredService<WorkspaceStore>().First())!;
        var key = ApiKey.Generate();
        await services.GetRequiredService<ApiKeyStore>().Add(workspace.No, Actor.Command, key, "Demo backend", [Scopes.Everything], expiresAt: null);
        var random = services.GetRequiredService<Random>();
        var clock = services.GetRequiredService<TimeProvider>();
        var demo = new DemoServer(await DemoReceiver.Start(random, clock), address, key);
        var content = new DemoWorkspace(demo.Call, demo._receiver, random);
        var isNew = await content.Fill();
        var feeds = new DemoFeeds(demo.Call, demo.Post, demo._receiver, random, clock);
        await feeds.Fill();
        demo._traffic = demo.Traffic(content, feeds, isNew, random, clock);
        return (demo, await SignInLine(services));
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _traffic;
        await _receiver.DisposeAsync();
        _client.Dispose();
        _over.Dispose();
    }

    /// <summary>The demo's owner, where there is none yet. The password is random, printed once and kept as a hash, as any other.</summary>
    private static async Task<string> SignInLine(IServiceProvider services)
    {
        if (await services.GetRequiredService<FirstStart>().MakeOwnerLink() is not { } link)
        {
            return "Sign in as before.";
        }
        var password = string.Join('-', Enumerable.Range(0, 3).Select(_ => ApiKey.Generate()[4..9].ToLowerInvariant()));
        await services.GetRequiredService<Joining>().SetUp(link.Split('/')[^1], "Northwind", Email, "Demo Owner", password);
        return $"Sign in as {Email} with the password {password}";
    }

    private async Task Traffic(DemoWorkspace content, DemoFeeds feeds, bool isNew, Random random, TimeProvider clock)
    {
        if (clock is DemoClock { Behind.Ticks: > 0 } late)
        {
            await LiveThrough(late, content, feeds, random);
            isNew = false;
        }
        await Task.WhenAll(
            Repeat(content.SendOne, isNew ? FirstMessages : 0, TimeSpan.FromMilliseconds(900), random, clock),
            Repeat(feeds.SendOne, isNew ? FirstEvents : 0, TimeSpan.FromSeconds(3), random, clock));
    }

    /// <summary>The time by which the clock is behind, minute by minute: more happens in some than in others, and each is given the time to be delivered.</summary>
    private async Task LiveThrough(DemoClock late, DemoWorkspace content, DemoFeeds feeds, Random random)
    {
        try
        {
            for (var minute = 0; late.Behind > TimeSpan.Zero; minute++)
            {
                var busy = 4 + (int)(3 * Math.Sin(minute / 7.0));
                for (var i = random.Next(busy, busy + 4); i > 0; i--)
                {
                    await content.SendOne();
                }
                for (var i = random.Next(1, (busy / 2) + 2); i > 0; i--)
                {
                    await feeds.SendOne();
                }
                await Task.Delay(StepTakes, late, _over.Token);
                late.CatchUp(Step);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or InvalidOperationException)
        {
            // The demo ends, or its server does.
        }
    }

    private async Task Repeat(Func<Task> one, int first, TimeSpan pause, Random random, TimeProvider clock)
    {
        try
        {
            for (var i = 0; i < first; i++)
            {
                await one();
            }
            while (true)
            {
                await Task.Delay(pause * (0.4 + (random.NextDouble() * 1.2)), clock, _over.Token);
                await one();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or InvalidOperationException)
        {
            // The demo ends, or its server does.
        }
    }

    private async Task<System.Net.HttpStatusCode> Post(HttpRequestMessage request)
    {
        using var response = await _client.SendAsync(request, _over.Token);
        return response.StatusCode;
    }

    private async Task<JsonNode?> Call(HttpMethod method, string path, JsonNode? body)
    {
        using var request = new HttpRequestMessage(method, new Uri(_address, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        request.Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await _client.SendAsync(request, _over.Token);
        var text = await response.Content.ReadAsStringAsync(_over.Token);
        return response.IsSuccessStatusCode ? JsonNode.Parse(text) : throw new InvalidOperationException($"The demo's {method} {path} was answered with {(int)response.StatusCode}: {text}");
    }
}
