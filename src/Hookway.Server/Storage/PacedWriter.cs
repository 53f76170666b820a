namespace Hookway.Storage;

/// <summary>
/// Writes that nobody waits for, in steps that those who do wait hardly notice: each is short, shares the commit of whatever else is written at that moment, and is
/// followed by a rest many times as long as the work was.
/// </summary>
public sealed class PacedWriter(Database database, TimeProvider clock)
{
    /// <summary>How many rows, with what belongs to them, a step may write.</summary>
    public const int Rows = 25;

    private const int RestForWork = 10;
    private static readonly TimeSpan LeastRest = TimeSpan.FromMilliseconds(20);

    /// <summary>Does one step, of at most <see cref="Rows"/>, and rests.</summary>
    public async Task<T> Write<T>(Func<WriteSession, Task<T>> work, CancellationToken stop)
    {
        var took = TimeSpan.Zero;
        var result = await database.Write(async session =>
        {
            var started = clock.GetTimestamp();
            var done = await work(session);
            took = clock.GetElapsedTime(started);
            return done;
        });
        await Rest(took * RestForWork, stop);
        return result;
    }

    /// <summary>A pause after a read that was long.</summary>
    public Task Rest(CancellationToken stop) => Rest(TimeSpan.Zero, stop);

    private Task Rest(TimeSpan length, CancellationToken stop) => Task.Delay(length > LeastRest ? length : LeastRest, clock, stop);
}
