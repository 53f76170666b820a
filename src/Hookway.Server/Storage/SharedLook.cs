namespace Hookway.Storage;

/// <summary>
/// A look at the store that many share: each who asks is answered by one that began after it asked, so what it asked about is in it; all who ask while one is under way
/// share the next.
/// </summary>
/// <param name="look">Looks.</param>
internal sealed class SharedLook(Func<Task> look)
{
    private readonly Lock _gate = new();
    private Task? _underWay;
    private Task? _next;

    /// <summary>Ends when a look that began after this call has; fails as that one did.</summary>
    public Task Take()
    {
        lock (_gate)
        {
            return _underWay is { IsCompleted: false } before ? _next ??= After(before) : _underWay = look();
        }
    }

    private async Task After(Task before)
    {
        // Never under the lock of who asked: where the look before ended just now, the next one would begin there, and be noted as still to begin for ever.
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding | ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Task mine;
        lock (_gate)
        {
            _underWay = mine = look();
            _next = null;
        }
        await mine;
    }
}
