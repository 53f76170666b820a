using Hookway.Access;
using Hookway.Storage;

namespace Hookway.Retention;

/// <summary>
/// Removes history that has been kept long enough: once a minute each kind in turn, in small steps behind whatever else is written. On one server at a time; when two
/// do it nevertheless, no harm comes of it.
/// </summary>
public sealed class RetentionRunner(
    Database database, StoreSettings settings, RetentionDays days, IEnumerable<IRetained> kinds, IdGenerator ids, TimeProvider clock, ILogger<RetentionRunner> log) : BackgroundService
{
    private const string Turn = "retention_turn";
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TurnLasts = TimeSpan.FromMinutes(3);

    private readonly string _holder = ids.New("turn");
    private readonly PacedWriter _writer = new(database, clock);
    private readonly SemaphoreSlim _running = new(1);

    /// <summary>Removes what there is to remove now; false when it is another server's turn.</summary>
    public async Task<bool> RunOnce(CancellationToken stop)
    {
        await _running.WaitAsync(stop);
        try
        {
            return await KeepTurn() && await Remove(stop);
        }
        finally
        {
            _running.Release();
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _running.Dispose();
    }

    private async Task<bool> Remove(CancellationToken stop)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var keeping = clock.CreateTimer(_ => _ = KeepTurnOr(lost), null, TurnLasts / 3, TurnLasts / 3);
        var cutoffs = new RetentionCutoffs(clock.GetUtcNow(), await days.OfAll());
        foreach (var kind in kinds)
        {
            if (await kind.Remove(cutoffs, _writer, lost.Token) is > 0 and var removed)
            {
                log.LogInformation("{Kind} removed {Items} items that had been kept long enough", kind.GetType().Name, removed);
            }
        }
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunOnce(stoppingToken);
            }
            catch (StorageUnavailableException e)
            {
                log.LogWarning("What was kept long enough could not be removed, and is tried again: {Reason}", e.Message);
            }
            catch (Exception e) when (e is OperationCanceledException || stoppingToken.IsCancellationRequested)
            {
                // The server stops, and may have put away already what a run needs; or another one has the turn.
            }
            catch (Exception e)
            {
                log.LogError(e, "Removing what was kept long enough met a fault, and is tried again");
            }
            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<bool> KeepTurn() => settings.TakeTurn(Turn, _holder, clock.GetUtcNow() + TurnLasts);

    private async Task KeepTurnOr(CancellationTokenSource lost)
    {
        try
        {
            if (await KeepTurn())
            {
                return;
            }
            await lost.CancelAsync();
        }
        catch (Exception e) when (e is StorageUnavailableException or ObjectDisposedException)
        {
            // The store is away, which ends the run by itself; or the run is over.
        }
    }
}
