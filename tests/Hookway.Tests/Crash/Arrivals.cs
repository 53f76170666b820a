using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Crash;

/// <summary>One request at the receiver.</summary>
/// <param name="Life">The server process that sent it, counted from 1.</param>
/// <param name="Data">The message's data, as it came.</param>
public sealed record Arrival(string Path, int Life, string WebhookId, int Tag, string Data, bool Succeeded)
{
    private long endedAt = long.MaxValue;

    /// <summary>A timestamp.</summary>
    public long BeganAt { get; } = TimeProvider.System.GetTimestamp();

    /// <summary>A timestamp of when it was answered.</summary>
    public long EndedAt => Volatile.Read(ref endedAt);

    public void End() => Volatile.Write(ref endedAt, TimeProvider.System.GetTimestamp());
}

/// <summary>What the receiver saw, in the order in which it came. Signatures are verified as they arrive.</summary>
public sealed class Arrivals
{
    private const string DataMark = "\"data\":";

    private readonly Lock gate = new();
    private readonly List<Arrival> all = [];
    private readonly HashSet<(string Path, int Tag)> seen = [];
    private readonly Dictionary<string, (SceneEndpoint Endpoint, WebhookVerifier Verifier)> expected = [];
    private readonly ConcurrentQueue<string> complaints = [];
    private int life;

    /// <summary>What was wrong with requests: a signature that does not verify, a body that is not ours.</summary>
    public IReadOnlyCollection<string> Complaints => complaints;

    public IReadOnlyList<Arrival> All
    {
        get
        {
            lock (gate)
            {
                return [.. all];
            }
        }
    }

    public void BeginLife() => Interlocked.Increment(ref life);

    public void Expect(SceneEndpoint endpoint, WebhookSecret secret) => expected[endpoint.Path] = (endpoint, new WebhookVerifier([secret]));

    public async Task Receive(ReceivedRequest request, HttpContext http)
    {
        var (endpoint, verifier) = expected[request.Path];
        var verdict = verifier.Verify(name => request.Headers.GetValueOrDefault(name), request.Body);
        if (!verdict.IsVerified)
        {
            complaints.Enqueue($"{request.Path}: {verdict.Reason}");
        }

        var body = Encoding.UTF8.GetString(request.Body);
        var data = body[(body.IndexOf(DataMark, StringComparison.Ordinal) + DataMark.Length)..^1];
        using var parsed = JsonDocument.Parse(data);
        var tag = parsed.RootElement.GetProperty("tag").GetInt32();
        Arrival arrival;
        lock (gate)
        {
            var succeeds = !(seen.Add((request.Path, tag)) && endpoint.FailsFirst(tag));
            all.Add(arrival = new Arrival(request.Path, life, request.Headers[WebhookHeaders.Id], tag, data, succeeds));
        }

        await Task.Delay(endpoint.AnswersAfter(tag));
        arrival.End();
        http.Response.StatusCode = arrival.Succeeded ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
    }

    /// <summary>The lives of the server in which one endpoint took one message more than once: a crash may repeat an attempt, nothing else may.</summary>
    public IEnumerable<string> RepeatsWithoutCrash() =>
        All.Where(arrival => arrival.Succeeded).GroupBy(arrival => (arrival.Path, arrival.Tag, arrival.Life)).Where(group => group.Count() > 1)
            .Select(group => $"{group.Key.Path} took message {group.Key.Tag} {group.Count()} times from process {group.Key.Life}");

    /// <summary>How many of the requests that succeeded repeated one that had succeeded before.</summary>
    public int Repeats()
    {
        var succeeded = All.Where(arrival => arrival.Succeeded).ToList();
        return succeeded.Count - succeeded.DistinctBy(arrival => (arrival.Path, arrival.Tag)).Count();
    }
}
