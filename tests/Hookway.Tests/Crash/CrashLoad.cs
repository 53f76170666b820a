using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Hookway.Tests.Crash;

/// <summary>
/// Concurrent senders, each one request after another: three to the pair, two to the flaky endpoint and one, alone, to the ordered one. Some messages have a key,
/// some of those are sent twice, and those that were left without an answer are sent again when the server is back. Of several nodes each request goes to any that is well, and
/// who gets no answer from one tries the next.
/// </summary>
public sealed class CrashLoad(CrashScene scene, int seed)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ShortPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<int, SentMessage> sent = new();
    private readonly ConcurrentQueue<string> complaints = [];
    private readonly Sender[] senders =
        [.. new[] { 0, 0, 0, 1, 1, 2 }.Select((recipient, i) => new Sender(CrashScene.Recipients[recipient], new Random(seed + i)))];
    private readonly Lock order = new();
    private int lastTag;

    /// <summary>Every message of the load, by its tag.</summary>
    public IReadOnlyDictionary<int, SentMessage> Sent => sent;

    /// <summary>Answers that no correct server gives.</summary>
    public IReadOnlyCollection<string> Complaints => complaints;

    /// <summary>How many requests ended without an answer.</summary>
    public int Unanswered => sent.Values.Count(message => message.Unanswered);

    /// <summary>Sends until <paramref name="then"/> ends, which may kill or stop the server: from <see cref="Dying"/> on, requests may go unanswered or be refused with 503.</summary>
    public async Task During(Func<Task> then)
    {
        if (!HasSeveralNodes)
        {
            scene.Nodes[0].IsWell();
        }
        using var stop = new CancellationTokenSource();
        var running = senders.Select(sender => Task.Run(() => Send(sender, stop.Token))).ToList();
        await then();
        await stop.CancelAsync();
        await Task.WhenAll(running);
    }

    public void Dying() => scene.Nodes[0].Dying();

    private bool HasSeveralNodes => scene.Nodes.Count > 1;

    private async Task Send(Sender sender, CancellationToken stop)
    {
        do
        {
            await SendWhileAnswered(sender, stop);
        }
        while (HasSeveralNodes && !stop.IsCancellationRequested);
    }

    private async Task SendWhileAnswered(Sender sender, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && sender.Unanswered.TryPeek(out var again))
        {
            // A caller that got no answer either tries again with the same key or gives up.
            if (sender.Random.Next(4) > 0 && !await Send(sender, again))
            {
                return;
            }

            sender.Unanswered.Dequeue();
        }

        while (!stop.IsCancellationRequested && await SendNew(sender))
        {
            await Task.Delay(sender.Random.Next(6), CancellationToken.None);
        }
    }

    /// <summary>False when the server is gone.</summary>
    private async Task<bool> SendNew(Sender sender)
    {
        var message = Make(sender);
        var twiceAtOnce = message.Key is not null && sender.Random.Next(8) == 0;
        var answers = await Task.WhenAll(Enumerable.Range(0, twiceAtOnce ? 2 : 1).Select(_ => Send(sender, message)));
        if (answers.Contains(false))
        {
            if (message is { Key: not null, Acknowledged: false })
            {
                sender.Unanswered.Enqueue(message);
            }

            return false;
        }

        if (message.Key is not null)
        {
            sender.Keyed.Add(message);
        }

        // Also one of long ago, from before the last crash.
        return sender.Keyed.Count == 0 || sender.Random.Next(10) > 0 || await Send(sender, sender.Keyed[sender.Random.Next(sender.Keyed.Count)]);
    }

    private SentMessage Make(Sender sender)
    {
        lock (order)
        {
            var tag = ++lastTag;
            var kind = sender.Random.Next(10);
            var data = $$"""{ "tag":{{tag}}, "amount": 4.20, "text":"{{new string('x', sender.Random.Next(600))}}é" }""";
            return sent[tag] = new SentMessage(tag, sender.Recipient, kind < 6 ? $"own-{tag}" : null, KeyIsId: kind < 4, data);
        }
    }

    private async Task<bool> Send(Sender sender, SentMessage message)
    {
        // Written by hand: a serializer would write the data anew, and its bytes are to come through as they are.
        var key = message.Key is null ? "" : $"\"{(message.KeyIsId ? "messageId" : "idempotencyKey")}\":\"{message.Key}\",";
        var body = $$"""{"recipient":"{{sender.Recipient}}","type":"invoice.paid",{{key}}"data":{{message.Data}}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/apps/{scene.AppId}/messages")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        var well = scene.Nodes.Where(node => !node.IsDying).ToList();
        var node = well.Count == 0 ? scene.Nodes[0] : well[sender.Random.Next(well.Count)];
        var troubles = node.Troubles;
        // Some callers give up soon, which says nothing about the node: it may wait for one that stands still.
        var isPatient = !HasSeveralNodes || sender.Random.Next(2) == 0;
        using var patience = new CancellationTokenSource(isPatient ? Patience : ShortPatience);
        try
        {
            // The status is the promise: it counts even if the body is cut off.
            using var answer = await node.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            return await Take(message, answer, isTroubled: WasTroubled());
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            message.GoUnanswered();
            if (!WasTroubled() && (isPatient || !patience.IsCancellationRequested))
            {
                complaints.Enqueue($"message {message.Tag} got no answer from a server that was well: {e.Message}");
            }

            return false;
        }

        bool WasTroubled() => node.IsDying || node.Troubles != troubles;
    }

    private async Task<bool> Take(SentMessage message, HttpResponseMessage answer, bool isTroubled)
    {
        if (answer.StatusCode is HttpStatusCode.ServiceUnavailable && isTroubled)
        {
            return false;
        }

        if (answer.StatusCode is not HttpStatusCode.Accepted)
        {
            complaints.Enqueue($"message {message.Tag} was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
            return true;
        }

        message.Acknowledge();
        var accepted = await answer.Content.ReadFromJsonAsync<JsonElement>();
        if (message.Identify(accepted.GetProperty("messageId").GetString()!, accepted.GetProperty("duplicate").GetBoolean()) is { } complaint)
        {
            complaints.Enqueue(complaint);
        }

        return true;
    }

    private sealed record Sender(string Recipient, Random Random)
    {
        /// <summary>Messages with a key that were left without an answer.</summary>
        public Queue<SentMessage> Unanswered { get; } = new();

        /// <summary>Messages with a key that were acknowledged.</summary>
        public List<SentMessage> Keyed { get; } = [];
    }
}
