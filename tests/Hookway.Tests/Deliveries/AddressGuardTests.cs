using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Hookway.Deliveries;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Deliveries;

public class AddressGuardTests
{
    private static readonly AddressGuard Strict = Guard();

    /// <summary>Every reserved range with its neighbours just outside; empty where the neighbour is reserved too.</summary>
    public static TheoryData<string, string, string> Ranges => new()
    {
        { "0.0.0.0/8", "", "1.0.0.0" },
        { "10.0.0.0/8", "9.255.255.255", "11.0.0.0" },
        { "100.64.0.0/10", "100.63.255.255", "100.128.0.0" },
        { "127.0.0.0/8", "126.255.255.255", "128.0.0.0" },
        { "168.63.129.16/32", "168.63.129.15", "168.63.129.17" },
        { "169.254.0.0/16", "169.253.255.255", "169.255.0.0" },
        { "172.16.0.0/12", "172.15.255.255", "172.32.0.0" },
        { "192.0.0.0/24", "191.255.255.255", "192.0.1.0" },
        { "192.0.2.0/24", "192.0.1.255", "192.0.3.0" },
        { "192.88.99.0/24", "192.88.98.255", "192.88.100.0" },
        { "192.168.0.0/16", "192.167.255.255", "192.169.0.0" },
        { "198.18.0.0/15", "198.17.255.255", "198.20.0.0" },
        { "198.51.100.0/24", "198.51.99.255", "198.51.101.0" },
        { "203.0.113.0/24", "203.0.112.255", "203.0.114.0" },
        { "224.0.0.0/4", "223.255.255.255", "" },
        { "240.0.0.0/4", "", "" },
        { "255.255.255.255/32", "", "" },
        { "::/128", "", "" },
        { "::1/128", "", "" },
        { "::/96", "", "" },
        { "64:ff9b:1::/48", "", "" },
        { "100::/64", "", "" },
        { "100:0:0:1::/64", "", "" },
        { "2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::" },
        { "2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
        { "3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::" },
        { "4000::/3", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "" },
        { "5f00::/16", "", "" },
        { "fc00::/7", "", "" },
        { "fe80::/10", "", "" },
        { "fec0::/10", "", "" },
        { "ff00::/8", "", "" },
    };

    public static TheoryData<string> EveryWayToWriteLoopback =>
    [
        "2130706433", "0x7f000001", "0x7F.0x0.0x0.0x1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0x7f.1", "127.0.0.1.", "0x7f000001.",
        "localhost", "LOCALHOST", "localhost.", "api.localhost", "api.localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2600::5efe:127.0.0.1]",
        "[2600::200:5efe:127.0.0.1]", "[2001:0:7f00:1::80ff:fffe]", "0", "0.0.0.0", "[::]", "[fe80::1%25eth0]",
    ];

    [Theory]
    [MemberData(nameof(Ranges))]
    public async Task A_reserved_range_is_refused_from_its_first_to_its_last_address(string range, string before, string after)
    {
        foreach (var inside in FirstMiddleLast(IPNetwork.Parse(range)))
        {
            Strict.Allows(inside).ShouldBeFalse($"{inside} of {range}");
            foreach (var form in WrittenForms(inside))
            {
                (await Refusal(Strict, form)).ShouldNotBeNull($"{form} for {inside} of {range}");
            }
        }

        foreach (var outside in new[] { before, after }.Where(address => address.Length > 0).Select(IPAddress.Parse))
        {
            Strict.Allows(outside).ShouldBeTrue($"{outside} beside {range}");
            foreach (var form in WrittenForms(outside).Where(form => !form.StartsWith("[::", StringComparison.Ordinal) || form.StartsWith("[::ffff:", StringComparison.Ordinal)))
            {
                (await Refusal(Strict, form)).ShouldBeNull($"{form} for {outside} beside {range}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(EveryWayToWriteLoopback))]
    public async Task This_machine_is_refused_however_it_is_written(string host) =>
        (await Refusal(Strict, host)).ShouldNotBeNull();

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("2002:808:808::1")]
    [InlineData("64:ff9b::8.8.8.8")]
    [InlineData("2600::5efe:8.8.8.8")]
    public void A_public_address_is_allowed(string address) => Strict.Allows(IPAddress.Parse(address)).ShouldBeTrue();

    [Fact]
    public void An_allowed_range_opens_its_addresses_in_their_IPv6_forms_and_no_others()
    {
        var guard = Guard("10.1.0.0/16", "fd00::/8");

        foreach (var open in new[] { "10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::", "fd12::1" })
        {
            guard.Allows(IPAddress.Parse(open)).ShouldBeTrue(open);
        }

        foreach (var closed in new[] { "10.0.255.255", "10.2.0.0", "::ffff:10.2.0.0", "64:ff9b::10.2.0.0", "2002:a02::", "::10.1.2.3", "fc12::1", "127.0.0.1" })
        {
            guard.Allows(IPAddress.Parse(closed)).ShouldBeFalse(closed);
        }
    }

    [Theory]
    [InlineData("::ffff:10.0.0.1", "::ffff:8.8.8.8")]
    [InlineData("64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8")]
    [InlineData("64:ff9b:1::169.254.169.254", "64:ff9b:1::8.8.8.8")]
    [InlineData("2002:a00:1::", "2002:808:808::")]
    [InlineData("2600::5efe:192.168.0.1", "2600::5efe:8.8.8.8")]
    public void All_of_IPv6_being_allowed_does_not_open_the_private_IPv4_behind_it(string closed, string open)
    {
        Guard("::/0").Allows(IPAddress.Parse(closed)).ShouldBeFalse(closed);
        Guard("::/0").Allows(IPAddress.Parse(open)).ShouldBeTrue(open);
        Guard("::/0", "10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16").Allows(IPAddress.Parse(closed)).ShouldBeTrue(closed);
    }

    [Fact]
    public void A_scope_changes_nothing()
    {
        Strict.Allows(IPAddress.Parse("fe80::1%7")).ShouldBeFalse();
        Guard("fe80::/10").Allows(IPAddress.Parse("fe80::1%7")).ShouldBeTrue();
    }

    [Fact]
    public async Task Localhost_is_allowed_where_loopback_is()
    {
        (await Refusal(Guard("127.0.0.0/8"), "localhost")).ShouldBeNull();
        (await Refusal(Guard("::1/128"), "api.localhost.")).ShouldBeNull();
        (await Refusal(Guard("127.0.0.0/8"), "2130706433")).ShouldBeNull();
    }

    [Fact]
    public async Task A_name_is_refused_when_any_of_its_addresses_is()
    {
        var guard = new AddressGuard([], resolve: Answers("8.8.8.8", "10.0.0.7"));

        (await Refusal(guard, "two-faced.example"))
            .ShouldBe("two-faced.example resolves to a private address (10.0.0.0/8), which the operator of this server has not allowed to be called.");
    }

    [Fact]
    public async Task The_refusal_of_an_address_names_it_and_its_range() => (await Refusal(Strict, "[::ffff:169.254.169.254]"))
        .ShouldBe("::ffff:169.254.169.254 is a link-local address (169.254.0.0/16), which the operator of this server has not allowed to be called.");

    [Fact]
    public async Task A_name_with_public_addresses_only_is_not_refused() =>
        (await Refusal(new AddressGuard([], resolve: Answers("8.8.8.8", "2606:4700:4700::1111")), "public.example")).ShouldBeNull();

    [Fact]
    public async Task A_name_that_does_not_resolve_is_not_refused()
    {
        (await Refusal(new AddressGuard([], resolve: (_, _) => throw new SocketException((int)SocketError.HostNotFound)), "missing.example")).ShouldBeNull();
        (await Refusal(new AddressGuard([], resolve: (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain))), "broken.example")).ShouldBeNull();
        (await Refusal(new AddressGuard([], resolve: Answers()), "empty.example")).ShouldBeNull();
    }

    [Fact]
    public async Task A_lookup_that_takes_longer_than_two_seconds_is_not_waited_for()
    {
        var clock = new FakeTimeProvider();
        var guard = new AddressGuard([], clock, (_, _) => new TaskCompletionSource<IPAddress[]>().Task);

        var refusal = Refusal(guard, "silent.example");
        refusal.IsCompleted.ShouldBeFalse();
        clock.Advance(TimeSpan.FromSeconds(2));

        (await refusal).ShouldBeNull();
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_told_so()
    {
        var guard = new AddressGuard([], resolve: (_, _) => new TaskCompletionSource<IPAddress[]>().Task);

        await Should.ThrowAsync<OperationCanceledException>(() => guard.Refusal(new Uri("http://silent.example/"), new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Digits_and_dots_of_other_scripts_do_not_hide_an_address()
    {
        foreach (var host in new[] { "127\u30020\u30020\u30021", "\uFF11\uFF12\uFF17.0.0.1", "\u2460\u2461\u2466.0.0.1" })
        {
            var sees = new List<string>();
            var guard = new AddressGuard([], resolve: (name, _) =>
            {
                sees.Add(name);
                return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
            });

            (await Refusal(guard, host)).ShouldNotBeNull($"{host}, resolved as {string.Join(' ', sees)}");
        }
    }

    [Fact]
    public async Task A_host_that_is_no_name_is_refused() => (await Refusal(Strict, "xn--\u00fc")).ShouldBe("The host of this URL is not a valid name.");

    [Fact]
    public async Task The_system_resolver_finds_this_machine()
    {
        var cancel = TestContext.Current.CancellationToken;
        var lookup = new HostLookup();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => lookup.Resolve("localhost", cancel)));

        answers.ShouldAllBe(addresses => addresses.Length > 0 && addresses.All(IPAddress.IsLoopback));
    }

    private static AddressGuard Guard(params string[] allowed) =>
        new([.. allowed.Select(range => IPNetwork.Parse(range))], resolve: (name, _) => throw new InvalidOperationException($"{name} was looked up"));

    private static Task<string?> Refusal(AddressGuard guard, string host) =>
        guard.Refusal(new Uri($"http://{host}/hook"), TestContext.Current.CancellationToken);

    private static Func<string, CancellationToken, Task<IPAddress[]>> Answers(params string[] addresses) =>
        (_, _) => Task.FromResult<IPAddress[]>([.. addresses.Select(IPAddress.Parse)]);

    private static IEnumerable<IPAddress> FirstMiddleLast(IPNetwork range)
    {
        var (first, last) = (range.BaseAddress.GetAddressBytes(), range.BaseAddress.GetAddressBytes());
        for (var bit = range.PrefixLength; bit < last.Length * 8; bit++)
        {
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        var middle = (byte[])last.Clone();
        if (range.PrefixLength < last.Length * 8)
        {
            middle[range.PrefixLength / 8] &= (byte)~(0x80 >> (range.PrefixLength % 8));
        }

        return [new IPAddress(first), new IPAddress(middle), new IPAddress(last)];
    }

    private static IEnumerable<string> WrittenForms(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return [$"[{address}]"];
        }

        var b = address.GetAddressBytes();
        var number = BinaryPrimitives.ReadUInt32BigEndian(b);
        var hex = $"{b[0]:x2}{b[1]:x2}:{b[2]:x2}{b[3]:x2}";
        string Octal(int i) => "0" + Convert.ToString(b[i], 8);
        return
        [
            $"{address}", $"{number}", $"0x{number:x}", $"0{Convert.ToString(number, 8)}", $"0x{b[0]:x}.0x{b[1]:x}.0x{b[2]:x}.0x{b[3]:x}",
            $"{Octal(0)}.{Octal(1)}.{Octal(2)}.{Octal(3)}", $"{b[0]}.{number & 0xFFFFFF}", $"{b[0]}.{b[1]}.{number & 0xFFFF}", $"{address}.",
            $"[::ffff:{address}]", $"[::ffff:{hex}]", $"[::{address}]", $"[2002:{hex}::1]", $"[64:ff9b::{address}]", $"[2600::5efe:{address}]",
            $"[2600::200:5efe:{hex}]",
        ];
    }
}
