using Hookway.Deliveries;

namespace Hookway.Tests.Deliveries;

public class ContentRoomTests
{
    private const int MiB = 1024 * 1024;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Small_contents_pass_by_and_large_ones_wait_for_room_in_turn()
    {
        var room = new ContentRoom(10 * MiB);
        var first = await room.Enter(6 * MiB, false, Cancel);
        (await room.Enter(ContentRoom.Small, false, Cancel)).ShouldBeNull();
        var second = room.Enter(6 * MiB, false, Cancel).AsTask();
        // It would fit, and is behind one that does not.
        var third = room.Enter(2 * MiB, false, Cancel).AsTask();
        (second.IsCompleted, third.IsCompleted).ShouldBe((false, false));
        first!.Dispose();
        first.Dispose();
        using (await second)
        using (await third)
        {
            room.Held.ShouldBe(8 * MiB);
        }
        room.Held.ShouldBe(0);
    }

    [Fact]
    public async Task One_that_is_yet_to_be_read_holds_the_most_that_it_may_be_until_it_is_known()
    {
        var room = new ContentRoom(ContentRoom.Largest + MiB);
        var unknown = (await room.Enter(null, false, Cancel))!;
        var next = room.Enter(null, false, Cancel).AsTask();
        next.IsCompleted.ShouldBeFalse();
        unknown.Holds(1_000);
        using (await next)
        {
            room.Held.ShouldBe(1_000 + ContentRoom.Largest);
        }
        unknown.Dispose();
        room.Held.ShouldBe(0);
    }

    [Fact]
    public async Task Slow_and_failing_targets_hold_no_more_than_half()
    {
        var room = new ContentRoom(10 * MiB);
        var slow = (await room.Enter(4 * MiB, true, Cancel))!;
        var slower = room.Enter(4 * MiB, true, Cancel).AsTask();
        slower.IsCompleted.ShouldBeFalse();
        var quick = await room.Enter(6 * MiB, false, Cancel);
        slow.Dispose();
        (await slower)!.Dispose();
        quick!.Dispose();
        room.Held.ShouldBe(0);
    }

    [Fact]
    public async Task One_larger_than_all_the_room_goes_alone_and_one_that_is_given_up_keeps_nobody()
    {
        var room = new ContentRoom(MiB);
        var huge = (await room.Enter(5 * MiB, false, Cancel))!;
        using var stop = new CancellationTokenSource();
        var given = room.Enter(5 * MiB, false, stop.Token).AsTask();
        var last = room.Enter(5 * MiB, true, Cancel).AsTask();
        stop.Cancel();
        await given.ShouldThrowAsync<OperationCanceledException>();
        huge.Dispose();
        (await last)!.Dispose();
        room.Held.ShouldBe(0);
    }
}
