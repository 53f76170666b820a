using System.Collections.Concurrent;
using System.Net;

namespace Hookway.Tests.Support;

/// <summary>A request as a receiver saw it. Header names compare without case; repeated values are joined by commas.</summary>
public sealed record ReceivedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body, DateTimeOffset At)
{
    /// <summary>With its question mark; empty when there is none.</summary>
    public string Query { get; init; } = "";
}

/// <summary>A real receiver on a free loopback port. It answers 200 until told otherwise and remembers what it got.</summary>
public sealed class ReceiverStub : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<ReceivedRequest> requests = new();
    private readonly ConcurrentDictionary<string, Func<ReceivedRequest, HttpContext, Task>> responders = new(StringComparer.Ordinal);
    private Func<ReceivedRequest, HttpContext, Task> respond = Statuses([200]);
    private long count;

    private ReceiverStub()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        app.Run(Receive);
    }

    public Uri Url => UrlFor("/hook");

    /// <summary>How many requests arrived.</summary>
    public long Count => Volatile.Read(ref count);

    /// <summary>Whether requests are kept; without it they are only counted, which costs nothing under load.</summary>
    public bool KeepRequests { get; set; } = true;

    /// <summary>What arrived so far, oldest first.</summary>
    public IReadOnlyList<ReceivedRequest> Requests => [.. requests];

    public static async Task<ReceiverStub> Start()
    {
        var receiver = new ReceiverStub();
        await receiver.app.StartAsync();
        return receiver;
    }

    public Uri UrlFor(string path) => new(new Uri(app.Urls.First()), path);

    /// <summary>Answers every path that has no answer of its own.</summary>
    public void Respond(Func<ReceivedRequest, HttpContext, Task> handler) => respond = handler;

    /// <summary>Answers with these statuses, one after another; the last one repeats.</summary>
    public void RespondWith(params int[] statuses) => respond = Statuses(statuses);

    /// <summary>Answers one path with these statuses, one after another; the last one repeats.</summary>
    public void RespondPerPath(string path, params int[] statuses) => responders[path] = Statuses(statuses);

    /// <summary>Waits until this many requests have arrived, and fails if they do not.</summary>
    public async Task<IReadOnlyList<ReceivedRequest>> WaitFor(int expected, TimeSpan? timeout = null)
    {
        var limit = timeout ?? TimeSpan.FromSeconds(20);
        var started = TimeProvider.System.GetTimestamp();
        while (Count < expected)
        {
            if (TimeProvider.System.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException($"Expected {expected} requests within {limit.TotalSeconds:0.#} s, but {Count} arrived.");
            }

            await Task.Delay(5);
        }

        return Requests;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static Func<ReceivedRequest, HttpContext, Task> Statuses(int[] statuses)
    {
        var next = -1;
        return (_, context) =>
        {
            context.Response.StatusCode = statuses[Math.Min(Interlocked.Increment(ref next), statuses.Length - 1)];
            return Task.CompletedTask;
        };
    }

    private async Task Receive(HttpContext context)
    {
        var body = await ReadBody(context.Request);
        var headers = KeepRequests
            ? context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)
            : [];
        var request = new ReceivedRequest(context.Request.Method, context.Request.Path, headers, body, DateTimeOffset.UtcNow) { Query = context.Request.QueryString.Value ?? "" };
        if (KeepRequests)
        {
            requests.Enqueue(request);
        }

        Interlocked.Increment(ref count);
        await responders.GetValueOrDefault(request.Path, respond)(request, context);
    }

    private async Task<byte[]> ReadBody(HttpRequest request)
    {
        if (!KeepRequests)
        {
            await request.Body.CopyToAsync(Stream.Null);
            return [];
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        return body.ToArray();
    }
}
