using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

/// <summary>Whoever asks is answered by a look that began after it asked, however looks and askers meet.</summary>
public class SharedLookTests
{
    [Fact]
    public async Task Each_who_asks_is_answered_by_a_look_that_began_afterwards()
    {
        const int Askers = 4;
        const int Questions = 50_000;
        var (begun, ended) = (0, 0);
        var gate = new Lock();
        var looks = new SharedLook(async () =>
        {
            var number = Interlocked.Increment(ref begun);
            await Task.Yield();
            lock (gate)
            {
                ended = Math.Max(ended, number);
            }
        });

        var late = await Task.WhenAll(Enumerable.Range(0, Askers).Select(_ => Task.Run(async () =>
        {
            var late = 0;
            for (var i = 0; i < Questions; i++)
            {
                var before = Volatile.Read(ref begun);
                await looks.Take();
                late += Volatile.Read(ref ended) > before ? 0 : 1;
            }
            return late;
        })));

        late.ShouldAllBe(count => count == 0);
        begun.ShouldBeLessThan(Askers * Questions, "askers share looks");
    }

    [Fact]
    public async Task All_who_ask_during_a_look_share_the_next()
    {
        var looks = new List<TaskCompletionSource>();
        var look = new SharedLook(() =>
        {
            looks.Add(new TaskCompletionSource());
            return looks[^1].Task;
        });

        var first = look.Take();
        var others = Enumerable.Range(0, 5).Select(_ => look.Take()).ToList();
        looks.Count.ShouldBe(1);
        looks[0].SetResult();
        await first;
        await TestServer.Until(() => looks.Count == 2);
        others.ShouldAllBe(other => !other.IsCompleted);
        looks[1].SetResult();
        await Task.WhenAll(others);
        looks.Count.ShouldBe(2);
    }
}
