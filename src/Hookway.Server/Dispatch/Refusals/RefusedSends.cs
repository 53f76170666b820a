using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;

namespace Hookway.Dispatch.Refusals;

/// <summary>
/// Keeps what was refused. Whoever refuses a send only leaves a note here, in memory; notes are written together, a few times a second at most, so that a flood of bad
/// requests costs the store no more than a trickle. Each is counted; of what comes faster than that, the last of each app is kept.
/// </summary>
public sealed class RefusedSends(RefusedSendStore store, TimeProvider clock, ILogger<RefusedSends> log) : IHostedService, IDisposable
{
    /// <summary>The most of one app that are written at once.</summary>
    public const int MostOfApp = 50;

    private const int MostInAll = 1_000;
    private const int TrimmedEvery = 100;
    private const int MostAppsRemembered = 10_000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<long, int> _sinceTrim = [];
    private Notes _notes = new();
    private bool _isRunning;

    /// <summary>Notes that an app refused a send.</summary>
    public void Note(App app, Problem problem, SendGlimpse? draft, string requestId)
    {
        var send = RefusedSend.Of(problem, draft, requestId, clock.GetUtcNow());
        lock (_gate)
        {
            _notes.Add(app.No, send);
            if (_isRunning)
            {
                return;
            }
            _isRunning = true;
        }
        _ = Task.Run(Run);
    }

    /// <summary>Ends when all that was noted before is stored.</summary>
    /// <exception cref="StorageUnavailableException">It is not; it is kept in memory and tried again.</exception>
    public async Task Flush()
    {
        await _writing.WaitAsync();
        try
        {
            await WriteNotes();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Erases what is kept of sends to a recipient; they stay counted.</summary>
    public async Task Forget(Recipient recipient)
    {
        await Flush();
        await store.EraseOf(recipient);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        try
        {
            await Flush();
        }
        catch (StorageUnavailableException e)
        {
            log.LogWarning("The last refused sends could not be kept: {Reason}", e.Message);
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _writing.Dispose();
    }

    private async Task Run()
    {
        try
        {
            while (true)
            {
                try
                {
                    await Flush();
                }
                catch (StorageUnavailableException e)
                {
                    log.LogWarning("Refused sends could not be kept and are tried again: {Reason}", e.Message);
                }
                await Task.Delay(Pause, clock, _stop.Token);
                lock (_gate)
                {
                    if (_notes.IsEmpty)
                    {
                        _isRunning = false;
                        return;
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops, and writes the rest itself.
        }
        catch (Exception e)
        {
            // Not worth a server: the next note tries again.
            log.LogError(e, "Refused sends are not being kept");
            lock (_gate)
            {
                _isRunning = false;
            }
        }
    }

    private async Task WriteNotes()
    {
        Notes taken;
        lock (_gate)
        {
            if (_notes.IsEmpty)
            {
                return;
            }
            taken = _notes;
            _notes = new Notes();
        }
        var written = taken.Sends.GroupBy(item => item.AppNo).ToDictionary(group => group.Key, group => group.Count());
        var trimmed = written.Where(app => !_sinceTrim.TryGetValue(app.Key, out var before) || before + app.Value >= TrimmedEvery).Select(app => app.Key).ToList();
        try
        {
            await store.Add(taken.Sends, taken.Counts, trimmed);
        }
        catch
        {
            lock (_gate)
            {
                taken.Add(_notes);
                _notes = taken;
            }
            throw;
        }
        if (_sinceTrim.Count > MostAppsRemembered)
        {
            _sinceTrim.Clear();
        }
        foreach (var (appNo, count) in written)
        {
            _sinceTrim[appNo] = trimmed.Contains(appNo) ? 0 : _sinceTrim.GetValueOrDefault(appNo) + count;
        }
    }

    /// <summary>What waits to be written: the last of each app, and counts of all.</summary>
    private sealed class Notes
    {
        private readonly Dictionary<long, Queue<RefusedSend>> _sends = [];
        private int _count;

        public Dictionary<(long AppNo, string Code), long> Counts { get; } = [];

        public bool IsEmpty => Counts.Count == 0;

        public IReadOnlyList<(long AppNo, RefusedSend Send)> Sends => [.. _sends.SelectMany(app => app.Value.Select(send => (app.Key, send)))];

        public void Add(long appNo, RefusedSend send)
        {
            Counts[(appNo, send.Code)] = Counts.GetValueOrDefault((appNo, send.Code)) + 1;
            Keep(appNo, send);
        }

        /// <summary>Takes in what came later.</summary>
        public void Add(Notes later)
        {
            foreach (var (key, count) in later.Counts)
            {
                Counts[key] = Counts.GetValueOrDefault(key) + count;
            }
            foreach (var (appNo, send) in later.Sends)
            {
                Keep(appNo, send);
            }
        }

        private void Keep(long appNo, RefusedSend send)
        {
            if (!_sends.TryGetValue(appNo, out var ofApp))
            {
                _sends[appNo] = ofApp = new Queue<RefusedSend>();
            }
            if (ofApp.Count == MostOfApp || (_count >= MostInAll && ofApp.Count > 0))
            {
                ofApp.Dequeue();
                _count--;
            }
            if (_count < MostInAll)
            {
                ofApp.Enqueue(send);
                _count++;
            }
        }
    }
}
