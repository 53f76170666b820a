using Hookway.Storage;

namespace Hookway.Api;

/// <summary>
/// Keeps what was refused. Whoever refuses something only leaves a note here, in memory; notes are written together, a few times a second at most, so that a flood of bad
/// requests costs the store no more than a trickle. Each is counted; of what comes faster than that, the last of each owner is kept.
/// </summary>
public abstract class RefusalNotes<T>(TimeProvider clock, ILogger log) : IHostedService, IDisposable
{
    /// <summary>The most of one owner that are written at once.</summary>
    public const int MostOfOwner = 50;

    private const int MostInAll = 1_000;
    private const int TrimmedEvery = 100;
    private const int MostOwnersRemembered = 10_000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<long, int> _sinceTrim = [];
    private Notes _notes = new();
    private bool _isRunning;

    /// <summary>Notes that something was refused.</summary>
    /// <param name="ownerNo">Whose it is: so many of each are kept.</param>
    /// <param name="code">By which it is counted.</param>
    protected void Note(long ownerNo, string code, T item)
    {
        lock (_gate)
        {
            _notes.Add(ownerNo, code, item);
            if (_isRunning)
            {
                return;
            }
            _isRunning = true;
        }
        _ = Task.Run(Run);
    }

    /// <summary>Adds some of what was refused, counts all of it, and trims the owners named.</summary>
    protected abstract Task Keep(
        IReadOnlyList<(long OwnerNo, T Item)> items, IReadOnlyDictionary<(long OwnerNo, string Code), long> counts, IReadOnlyCollection<long> trimmed);

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
            log.LogWarning("The last of what was refused could not be kept: {Reason}", e.Message);
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _writing.Dispose();
        GC.SuppressFinalize(this);
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
                    log.LogWarning("What was refused could not be kept and is tried again: {Reason}", e.Message);
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
            log.LogError(e, "What is refused is not being kept");
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
        var written = taken.Items.GroupBy(item => item.OwnerNo).ToDictionary(group => group.Key, group => group.Count());
        var trimmed = written.Where(owner => !_sinceTrim.TryGetValue(owner.Key, out var before) || before + owner.Value >= TrimmedEvery).Select(owner => owner.Key).ToList();
        try
        {
            await Keep(taken.Items, taken.Counts, trimmed);
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
        if (_sinceTrim.Count > MostOwnersRemembered)
        {
            _sinceTrim.Clear();
        }
        foreach (var (ownerNo, count) in written)
        {
            _sinceTrim[ownerNo] = trimmed.Contains(ownerNo) ? 0 : _sinceTrim.GetValueOrDefault(ownerNo) + count;
        }
    }

    /// <summary>What waits to be written: the last of each owner, and counts of all.</summary>
    private sealed class Notes
    {
        private readonly Dictionary<long, Queue<T>> _items = [];
        private int _count;

        public Dictionary<(long OwnerNo, string Code), long> Counts { get; } = [];

        public bool IsEmpty => Counts.Count == 0;

        public IReadOnlyList<(long OwnerNo, T Item)> Items => [.. _items.SelectMany(owner => owner.Value.Select(item => (owner.Key, item)))];

        public void Add(long ownerNo, string code, T item)
        {
            Counts[(ownerNo, code)] = Counts.GetValueOrDefault((ownerNo, code)) + 1;
            Keep(ownerNo, item);
        }

        /// <summary>Takes in what came later.</summary>
        public void Add(Notes later)
        {
            foreach (var (key, count) in later.Counts)
            {
                Counts[key] = Counts.GetValueOrDefault(key) + count;
            }
            foreach (var (ownerNo, item) in later.Items)
            {
                Keep(ownerNo, item);
            }
        }

        private void Keep(long ownerNo, T item)
        {
            if (!_items.TryGetValue(ownerNo, out var ofOwner))
            {
                _items[ownerNo] = ofOwner = new Queue<T>();
            }
            if (ofOwner.Count == MostOfOwner || (_count >= MostInAll && ofOwner.Count > 0))
            {
                ofOwner.Dequeue();
                _count--;
            }
            if (_count < MostInAll)
            {
                ofOwner.Enqueue(item);
                _count++;
            }
        }
    }
}
