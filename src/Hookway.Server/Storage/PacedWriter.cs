namespace Hookway.Storage;

/// <summary>
/// Writes that nobody waits for, in steps that those who do wait hardly notice: each is short, shares the commit of whatever else is written at that moment, and is
/// followed by a rest several times as long as the work was. How much a step may do follows from how long the last ones took.
/// </summary>
public sealed class PacedWriter(Database database, TimeProvider clock)
{
    private const int FewestRows = 25;
    private const int MostRows = 50;
    private const int RestForWork = 10;
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LeastRest = TimeSpan.FromMilliseconds(20);

    /// <summary>How many rows, with what belongs to them, the next step may write.</summary>
    public int Rows { get; private set; } = FewestRows;

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
        Rows = took > 2 * Aim ? Math.Max(Rows / 2, FewestRows) : took < Aim ? Math.Min(Rows * 5 / 4, MostRows) : Rows;
        await Rest(took * RestForWork, stop);
        return result;
    }

    /// <summary>A pause after a read that was long.</summary>
    public Task Rest(CancellationToken stop) => Rest(TimeSpan.Zero, stop);

    private Task Rest(TimeSpan length, CancellationToken stop) => Task.Delay(length > LeastRest ? length : LeastRest, clock, stop);
}
