using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>
/// Asks the watchers, about once a second, away from all that somebody waits for. On one server at a time; when two do it nevertheless, no harm comes of it.
/// </summary>
public sealed class IssueWatch(
    Database database, StoreSettings settings, IEnumerable<IWatcher> watchers, IdGenerator ids, TimeProvider clock, ILogger<IssueWatch> log) : BackgroundService
{
    private const string Turn = "issues_turn";
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TurnLasts = TimeSpan.FromSeconds(15);

    private readonly string _holder = ids.New("turn");
    private readonly SemaphoreSlim _running = new(1);
    private DateTimeOffset _mineUntil;

    /// <summary>Lets every watcher do all that there is to do now; false when it is another server's turn.</summary>
    public async Task<bool> RunOnce(CancellationToken stop)
    {
        await _running.WaitAsync(stop);
        try
        {
            // Round by round: one that has much to read keeps no other waiting.
            for (var more = true; more;)
            {
                more = false;
                foreach (var watcher in watchers)
                {
                    if (!await KeepTurn())
                    {
                        return false;
                    }
                    stop.ThrowIfCancellationRequested();
                    more |= await Step(watcher);
                }
            }
            return true;
        }
        finally
        {
            _running.Release();
        }
    }

    /// <summary>Lets go of the turn, so that the next need not wait.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            if (database.IsShared && _mineUntil > clock.GetUtcNow())
            {
                await settings.TakeTurn(Turn, _holder, clock.GetUtcNow() - TurnLasts);
            }
        }
        catch (StorageUnavailableException)
        {
            // Then the next one waits for its end.
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _running.Dispose();
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
                log.LogWarning("Issues could not be looked for, and are later: {Reason}", e.Message);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                // The server stops, and may have put away already what a run needs.
            }
            catch (Exception e)
            {
                log.LogError(e, "Looking for issues met a fault, and is tried again");
            }
            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>A fault of one watcher is no reason not to ask the others.</summary>
    private async Task<bool> Step(IWatcher watcher)
    {
        try
        {
            return await watcher.Step(clock.GetUtcNow());
        }
        catch (OvertakenException)
        {
            return false;
        }
        catch (Exception e) when (e is not StorageUnavailableException)
        {
            log.LogError(e, "{Watcher} met a fault; it is asked again in {Pause}", watcher.GetType().Name, Every);
            return false;
        }
    }

    private async ValueTask<bool> KeepTurn()
    {
        var now = clock.GetUtcNow();
        if (!database.IsShared || (_mineUntil - now > TurnLasts / 2 && _mineUntil - now <= TurnLasts))
        {
            return true;
        }
        var until = now + TurnLasts;
        if (!await settings.TakeTurn(Turn, _holder, until))
        {
            return false;
        }
        _mineUntil = until;
        return true;
    }
}
