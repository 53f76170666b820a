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

        await late.ShouldThrowAsync<LookupsAreCrowded>();
        Volatile.Read(ref _lookups).ShouldBe(3);
        _answer.Set();
        await Task.WhenAll(first);
        (await lookup.Resolve("late.example", Cancel)).ShouldBe([IPAddress.Loopback]);
    }

    [Fact]
    public async Task Names_that_were_found_before_have_room_for_themselves()
    {
        _answer.Set();
        var lookup = new HostLookup(most: 4, _clock, Silent);
        await lookup.Resolve("known.example", Cancel);
        _answer.Reset();
        var silent = Enumerable.Range(0, 3).Select(n => lookup.Resolve($"silent-{n}.example", Cancel)).ToList();
        await TestServer.Until(() => Volatile.Read(ref _threads) == 3);
        var late = lookup.Resolve("late.example", Cancel);
        var known = lookup.Resolve("known.example", Cancel);
        await TestServer.Until(() => Volatile.Read(ref _threads) == 4);
        _clock.Advance(TimeSpan.FromSeconds(2));

        await late.ShouldThrowAsync<LookupsAreCrowded>();
        _answer.Set();
        (await known).ShouldBe([IPAddress.Loopback]);
        await Task.WhenAll(silent);
    }

    [Fact]
    public async Task A_name_whose_servers_are_silent_is_left_alone_for_a_while()
    {
        var silent = true;
        var lookup = new HostLookup(most: 1, _clock, host =>
        {
            Interlocked.Increment(ref _lookups);
            _clock.Advance(TimeSpan.FromSeconds(silent ? 10 : 0));
            if (silent)
            {
                throw new SocketException((int)SocketError.TryAgain);
            }
            return [IPAddress.Loopback];
        });
        for (var i = 0; i < 3; i++)
        {
            (await lookup.Resolve("silent.example", Cancel).ShouldThrowAsync<SocketException>()).SocketErrorCode.ShouldBe(SocketError.TryAgain);
        }
        _lookups.ShouldBe(1);
        silent = false;
        (await lookup.Resolve("other.example", Cancel)).ShouldBe([IPAddress.Loopback]);
        _clock.Advance(TimeSpan.FromSeconds(31));
        (await lookup.Resolve("silent.example", Cancel)).ShouldBe([IPAddress.Loopback]);
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_asked_for_each_time()
    {
        var lookup = new HostLookup(most: 1, _clock, _ => throw new SocketException(Interlocked.Increment(ref _lookups) > 0 ? (int)SocketError.HostNotFound : 0));
        for (var i = 0; i < 3; i++)
        {
            (await lookup.Resolve("nowhere.example", Cancel).ShouldThrowAsync<SocketException>()).SocketErrorCode.ShouldBe(SocketError.HostNotFound);
        }
        _lookups.ShouldBe(3);
    }

    [Fact]
    public async Task A_request_whose_name_found_no_room_was_not_made()
    {
        var guard = new AddressGuard([], resolve: (_, _) => throw new LookupsAreCrowded());
        using var sender = new DeliverySender(guard, new SenderOptions(), TimeProvider.System);
        var request = new DeliveryRequest(HttpMethod.Post, new Uri("http://innocent.example/"), [], default);
        (await sender.Send(request, Cancel)).WasNotMade.ShouldBeTrue();
        (await guard.Refusal(request.Url, Cancel)).ShouldBeNull();
        using var missing = new DeliverySender(new AddressGuard([], resolve: (_, _) => throw new SocketException((int)SocketError.HostNotFound)), new SenderOptions(), TimeProvider.System);
        var failed = await missing.Send(request, Cancel);
        (failed.WasNotMade, failed.Outcome).ShouldBe((false, AttemptOutcome.Dns));
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
