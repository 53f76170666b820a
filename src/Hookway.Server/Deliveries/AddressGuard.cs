using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hookway.Deliveries;

/// <summary>
/// Decides which addresses the server may call: those that are routable on the public internet, and the ranges that the
/// operator allows. The check that holds is made when a connection is opened; <see cref="Refusal"/> is only the early word
/// to whoever enters a URL, since a name may point elsewhere a moment later.
/// </summary>
public sealed class AddressGuard
{
    private static readonly TimeSpan RefusalLookupLimit = TimeSpan.FromSeconds(2);

    private readonly IReadOnlyList<IPNetwork> allowed;
    private readonly TimeProvider clock;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> resolve;

    /// <param name="allowed">The operator's ranges. An IPv4 range also holds for the IPv6 forms of its addresses.</param>
    /// <param name="clock">Limits name lookups; the system's when null.</param>
    /// <param name="resolve">Looks a host name up; the system's resolver when null.</param>
    public AddressGuard(
        IReadOnlyList<IPNetwork> allowed,
        TimeProvider? clock = null,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        this.allowed = allowed;
        this.clock = clock ?? TimeProvider.System;
        this.resolve = resolve ?? new HostLookup().Resolve;
    }

    /// <summary>Whether a connection to this address may be opened.</summary>
    public bool Allows(IPAddress address) => Objection(address) is null;

    /// <summary>
    /// One sentence that says why an endpoint may not have this URL, or null. A name that cannot be resolved is not refused:
    /// it may exist tomorrow, and until then its attempts say so.
    /// </summary>
    public async Task<string?> Refusal(Uri url, CancellationToken cancel)
    {
        if (HostOf(url)?.TrimEnd('.') is not { } host)
        {
            return "The host of this URL is not a valid name.";
        }

        if (IsLocalhost(host))
        {
            return Allows(IPAddress.Loopback) || Allows(IPAddress.IPv6Loopback)
                ? null
                : $"{host} is this server itself, which its operator has not allowed to be called.";
        }

        if (IPAddress.TryParse(host, out var literal))
        {
            return Objection(literal) is { } objection
                ? $"{literal} is {objection}, which the operator of this server has not allowed to be called."
                : null;
        }

        foreach (var address in await Answers(host, cancel))
        {
            if (Objection(address) is { } objection)
            {
                // The range and not the address: the names of a private network are not to be explored from outside.
                return $"{host} resolves to {objection}, which the operator of this server has not allowed to be called.";
            }
        }

        return null;
    }

    /// <summary>The host as it is looked up, or null when no host can have that name: Uri accepts more than can be sent.</summary>
    internal static string? HostOf(Uri url)
    {
        try
        {
            return Ascii.IsValid(url.IdnHost) ? url.IdnHost : null;
        }
        catch (UriFormatException)
        {
            return null;
        }
    }

    /// <summary>The addresses of a host that is written as an address or as a name; none of them is checked yet.</summary>
    internal Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
        IPAddress.TryParse(host, out var literal) ? Task.FromResult<IPAddress[]>([literal]) : resolve(host, cancel);

    /// <summary>What kind of address this is when it may not be called ("a private address (10.0.0.0/8)"), or null.</summary>
    internal string? Objection(IPAddress address)
    {
        var plain = Plain(address);
        // First where it leads to: who allows all of IPv6 has not allowed the private IPv4 that a gateway carries it to.
        if (ReservedRanges.EmbeddedIPv4(plain) is { } inner && Objection(inner) is { } objection)
        {
            return $"an IPv6 form of {objection}";
        }

        return allowed.Any(range => range.Contains(plain)) ? null : ReservedRanges.KindOf(plain);
    }

    // One written address per place on the network: without the scope, and IPv4 behind IPv6 as the IPv4 that is dialled.
    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
        : address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 } ? new IPAddress(address.GetAddressBytes())
        : address;

    private static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private async Task<IPAddress[]> Answers(string host, CancellationToken cancel)
    {
        try
        {
            return await resolve(host, cancel).WaitAsync(RefusalLookupLimit, clock, cancel);
        }
        catch (Exception e) when (e is SocketException or ArgumentException or TimeoutException or LookupsAreCrowded)
        {
            return [];
        }
    }
}
