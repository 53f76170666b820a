using System.Net;
using System.Net.Sockets;

namespace Hookway.Deliveries;

/// <summary>
/// The addresses that do not lead to a host on the public internet, after the IANA special-purpose registries (RFC 6890 and
/// its successors). Ranges that the registries split are taken whole: no receiver lives in the exceptions.
/// </summary>
internal static class ReservedRanges
{
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork LocalNat64 = IPNetwork.Parse("64:ff9b:1::/48");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    private static readonly (IPNetwork Range, string Kind)[] Table =
    [
        Row("0.0.0.0/8", "an address of this network"),
        Row("10.0.0.0/8", "a private address"),
        Row("100.64.0.0/10", "a carrier-grade NAT address"),
        Row("127.0.0.0/8", "a loopback address"),
        // Not in the registries: every virtual machine on Azure reaches its host's control services there.
        Row("168.63.129.16/32", "a cloud platform's own address"),
        Row("169.254.0.0/16", "a link-local address"),
        Row("172.16.0.0/12", "a private address"),
        Row("192.0.0.0/24", "a protocol assignment"),
        Row("192.0.2.0/24", "a documentation address"),
        Row("192.88.99.0/24", "a 6to4 relay address"),
        Row("192.168.0.0/16", "a private address"),
        Row("198.18.0.0/15", "a benchmarking address"),
        Row("198.51.100.0/24", "a documentation address"),
        Row("203.0.113.0/24", "a documentation address"),
        Row("224.0.0.0/4", "a multicast address"),
        Row("255.255.255.255/32", "the broadcast address"),
        Row("240.0.0.0/4", "a reserved address"),

        Row("::/128", "the unspecified address"),
        Row("::1/128", "a loopback address"),
        Row("::/96", "an IPv4-compatible address"),
        (LocalNat64, "a local NAT64 address"),
        Row("100::/64", "a discard-only address"),
        Row("100:0:0:1::/64", "a dummy address"),
        Row("2001::/32", "a Teredo address"),
        Row("2001::/23", "a protocol assignment"),
        Row("2001:db8::/32", "a documentation address"),
        Row("3fff::/20", "a documentation address"),
        Row("5f00::/16", "a segment routing address"),
        Row("fc00::/7", "a private address"),
        Row("fe80::/10", "a link-local address"),
        Row("fec0::/10", "a site-local address"),
        Row("ff00::/8", "a multicast address"),
    ];

    /// <summary>The kind and range of a reserved address, or null. IPv4-mapped addresses are passed as IPv4.</summary>
    public static string? KindOf(IPAddress address)
    {
        foreach (var (range, kind) in Table)
        {
            if (range.Contains(address))
            {
                return $"{kind} ({range})";
            }
        }

        return address.AddressFamily == AddressFamily.InterNetworkV6 && !GlobalUnicast.Contains(address) && !Nat64.Contains(address)
            ? "an unassigned address (outside 2000::/3)"
            : null;
    }

    /// <summary>The IPv4 address to which a gateway or tunnel would carry this IPv6 address: NAT64, 6to4, ISATAP.</summary>
    public static IPAddress? EmbeddedIPv4(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return null;
        }

        var bytes = address.GetAddressBytes();
        if (SixToFour.Contains(address))
        {
            return new IPAddress(bytes.AsSpan(2, 4));
        }

        var isatap = (bytes[8] & 0xFD) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
        return isatap || Nat64.Contains(address) || LocalNat64.Contains(address) ? new IPAddress(bytes.AsSpan(12, 4)) : null;
    }

    private static (IPNetwork Range, string Kind) Row(string range, string kind) => (IPNetwork.Parse(range), kind);
}
