using System.Net;
using System.Net.Sockets;
using Hookway.Deliveries;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

public sealed class HostLookupTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly ManualResetEventSlim _answer = new();
    private int _threads;
    private int _lookups;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _answer.Dispose();

    [Fact]
    public async Task Names_whose_servers_are_silent_take_no_more_than_their_share_of_threads()
    {
        var lookup = new HostLookup(most: 3, _clock, Silent);
        var first = Enumerable.Range(0, 3).Select(n => lookup.Resolve($"silent-{n}.example", Cancel)).ToList();
        await TestServer.Until(() => Volatile.Read(ref _threads) == 3);
        var late = lookup.Resolve("late.example", Cancel);
        late.IsCompleted.ShouldBeFalse();

        _clock.Advance(TimeSpan.FromSeconds(2));

        (await late.ShouldThrowAsync<SocketException>()).SocketErrorCode.ShouldBe(SocketError.TryAgain);
        Volatile.Read(ref _lookups).ShouldBe(3);
        _answer.Set();
        await Task.WhenAll(first);
        (await lookup.Resolve("late.example", Cancel)).ShouldBe([IPAddress.Loopback]);
    }

    [Fact]
    public async Task A_name_that_waits_for_room_is_looked_up_when_there_is_some()
    {
        var lookup = new HostLookup(most: 1, _clock, Silent);
        var first = lookup.Resolve("first.example", Cancel);
        var second = lookup.Resolve("second.example", Cancel);
        _answer.Set();

        (await Task.WhenAll(first, second)).ShouldAllBe(addresses => addresses.Length == 1);
    }

    [Fact]
    public async Task Lookups_of_one_name_share_the_one_that_is_under_way()
    {
        var lookup = new HostLookup(most: 1, _clock, Silent);
        var all = Enumerable.Range(0, 20).Select(_ => lookup.Resolve("one.example", Cancel)).ToList();
        _answer.Set();

        (await Task.WhenAll(all)).ShouldAllBe(addresses => addresses.Length == 1);
        _lookups.ShouldBe(1);
    }

    private IPAddress[] Silent(string host)
    {
        Interlocked.Increment(ref _lookups);
        Interlocked.Increment(ref _threads);
        _answer.Wait(TimeSpan.FromSeconds(30)).ShouldBeTrue();
        Interlocked.Decrement(ref _threads);
        return [IPAddress.Loopback];
    }
}
