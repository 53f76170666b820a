using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hookway.Access;
using Hookway.Storage;
using Npgsql;

namespace Hookway.Hosting;

/// <summary>One setting of the server: its key, its default and what it accepts. The list is what <c>--help</c> and docs/reference/configuration.md show.</summary>
/// <param name="Key">As in a settings file, parts divided by <c>:</c>.</param>
/// <param name="Default">As text; empty for none.</param>
/// <param name="Allowed">What a value must be, for the error message.</param>
/// <param name="Check">Whether a value is that.</param>
public sealed record Setting(string Key, string Default, string Description, string Allowed, Func<string, bool> Check)
{
    public const string Urls = "Urls";
    public const string PublicUrl = "Hookway:PublicUrl";
    public const string DataFolder = "Hookway:DataFolder";
    public const string ConnectionString = "Hookway:Storage:ConnectionString";
    public const string MasterKeyText = "Hookway:MasterKey";
    public const string BootstrapApiKey = "Hookway:BootstrapApiKey";
    public const string AllowedNetworks = "Hookway:Deliveries:AllowedNetworks";
    public const string DeliveryProxy = "Hookway:Deliveries:Proxy";
    public const string RequireHttps = "Hookway:Deliveries:RequireHttps";
    public const string Timeout = "Hookway:Deliveries:Timeout";
    public const string RetrySchedule = "Hookway:Deliveries:RetrySchedule";
    public const string MaxInFlight = "Hookway:Deliveries:MaxInFlight";
    public const string MaxInFlightPerTarget = "Hookway:Deliveries:MaxInFlightPerTarget";
    public const string LeaseSeconds = "Hookway:Node:LeaseSeconds";
    public const string RetentionDays = "Hookway:Retention:Days";
    public const string TrustedProxies = "Hookway:TrustedProxies";
    public const string SmtpHost = "Hookway:Smtp:Host";
    public const string SmtpPort = "Hookway:Smtp:Port";
    public const string SmtpSecurity = "Hookway:Smtp:Security";
    public const string SmtpUser = "Hookway:Smtp:User";
    public const string SmtpPassword = "Hookway:Smtp:Password";
    public const string SmtpFrom = "Hookway:Smtp:From";
    public const string IngestBodyBytes = "Hookway:Ingest:BodyBytes";
    public const string CertificateRoots = "Hookway:Ingest:CertificateRoots";
    public const string MetricsToken = "Hookway:MetricsToken";

    /// <summary>The key of the server's own limit of a kind.</summary>
    public static string KeyOf(LimitKind kind) => "Hookway:Limits:" + char.ToUpperInvariant(kind.Name[0]) + kind.Name[1..];

    /// <summary>The name of the environment variable that sets it.</summary>
    public string EnvironmentVariable => Key.Replace(":", "__", StringComparison.Ordinal);

    public static IReadOnlyList<Setting> All { get; } =
    [
        new(Urls, "http://localhost:8080", "Where the server listens; several are divided by `;`.", "http or https addresses with ports from 0 to 65535, divided by ;",
            text => text.Split(';').All(url => BindingAddressOf(url) is not null)),
        new(PublicUrl, "", "The server's address as callers know it; the first of `Urls` when empty.", "an absolute http or https URL", IsUrl),
        new(DataFolder, "data", "Where the embedded store, its log and the master key are kept.", "a path", text => text.Length > 0),
        new(ConnectionString, "", "PostgreSQL 15 or newer in place of the embedded store, such as `Host=db;Database=hookway;Username=hookway;Password=…`; the data folder is not used then.",
            "a connection string of Npgsql's", IsConnectionString),
        new(MasterKeyText, "", "Under which secrets are encrypted at rest; made in the data folder (`master.key`, mode 0600) when empty; required with PostgreSQL.",
            "base64 of 32 bytes", text => MasterKey.TryParse(text, out _)),
        new(BootstrapApiKey, "", "A `*` key of the first workspace, for automation; added if unknown, and one that was revoked stays revoked. When empty, a key is made and printed once at the first start.",
            "hwk_ and at least 24 of A-Za-z0-9", ApiKey.IsWellFormed),
        new(AllowedNetworks, "", "Reserved address ranges that may be called, as CIDR divided by commas. Loopback is added only while every address in `Urls` and `PublicUrl` is itself loopback.",
            "CIDR ranges divided by commas, such as 10.0.0.0/8", text => Networks(text) is not null),
        new(DeliveryProxy, "", "The HTTP proxy through which every delivery goes. The server refuses names that lead to addresses which it may not call, and the proxy looks them up once more: it must refuse those as well.",
            "http://host:port, or http://user:password@host:port", IsProxy),
        new(RequireHttps, "false", "Refuse endpoint URLs that are not https.", "true or false", text => bool.TryParse(text, out _)),
        new(Timeout, "00:00:15", "The time one attempt may take in all: connecting, sending and the answer.", "a time from 00:00:01 to 00:05:00",
            text => Duration(text) is { } time && time >= TimeSpan.FromSeconds(1) && time <= TimeSpan.FromMinutes(5)),
        new(RetrySchedule, string.Join(',', Hookway.Deliveries.RetrySchedule.DefaultDelays.Select(delay => delay.ToString("c", CultureInfo.InvariantCulture))),
            "The delays before the second, third … attempt; the last repeats. An endpoint's `retryBackoffSeconds` scales it so that its first delay is that.",
            "times divided by commas, each above zero and at most 1.00:00:00", text => Delays(text) is not null),
        new(MaxInFlight, "512", "Attempts in flight at once on this node.", "a whole number from 1 to 100000", text => IsNumber(text, 1, 100_000)),
        new(MaxInFlightPerTarget, "32", "Attempts in flight at once to one endpoint.", "a whole number from 1 to 10000", text => IsNumber(text, 1, 10_000)),
        new(LeaseSeconds, "10", "On PostgreSQL: after how many seconds of silence other nodes take over what a node has.", "a whole number from 2 to 300", text => IsNumber(text, 2, 300)),
        Limit(LimitKind.PayloadBytes, "1048576", "The most bytes of a message's `data`."),
        Limit(LimitKind.RequestsPerSecond, "", "The most API requests a second of a workspace, on each node."),
        Limit(LimitKind.MessagesPerMonth, "", "The most messages that a workspace may send in a month (UTC)."),
        Limit(LimitKind.Apps, "", "The most apps of a workspace that are not archived."),
        Limit(LimitKind.EndpointsPerRecipient, "", "The most endpoints that one recipient may have in an app."),
        Limit(LimitKind.RetentionDays, "", "The most days for which anything of a workspace is kept."),
        new(RetentionDays, "30", "For how many days messages, with what became of them, are kept; a workspace's own limit may be shorter. Their data is erased then, and what is still pending is canceled as expired; a day later they are removed.",
            "a whole number from 1 to 36500", text => IsNumber(text, 1, 36_500)),
        new(TrustedProxies, "", "Addresses of reverse proxies, or their ranges, divided by commas: what these say in `X-Forwarded-For`, `-Proto` and `-Host` is believed, and no other's. They must set or remove all three.",
            "addresses or CIDR ranges divided by commas, such as 10.0.0.7,192.168.4.0/24", text => AddressesAndNetworks(text) is not null),
        new(SmtpHost, "", "The mail server that sends invitations and links to set a new password; `PublicUrl` and `From` are required with it. Without one, links are shown to be copied.",
            "a host name or address", text => Uri.CheckHostName(text) is not UriHostNameType.Unknown),
        new(SmtpPort, "587", "The port of the mail server.", "a whole number from 1 to 65535", text => IsNumber(text, 1, IPEndPoint.MaxPort)),
        new(SmtpSecurity, "StartTls", "How the way to the mail server is secured: by TLS after the greeting (nothing is sent without it), by TLS from the beginning (usually port 465), or not at all, for a relay on the same machine.",
            "StartTls, Tls or None", text => Enum.GetNames<Access.Mails.SmtpSecurity>().Contains(text, StringComparer.OrdinalIgnoreCase)),
        new(SmtpUser, "", "With which the server logs in at the mail server; without it, it does not.", "a user's name", text => text.Length > 0),
        new(SmtpPassword, "", "The password to it.", "a password", text => text.Length > 0),
        new(SmtpFrom, "", "The sender of mails.", "an e-mail address, such as hookway@example.com or Hookway <hookway@example.com>",
            text => MimeKit.MailboxAddress.TryParse(text, out var from) && from.Address.IndexOf('@', StringComparison.Ordinal) > 0),
        new(IngestBodyBytes, "26214400", "The most bytes of a vendor's request; one that is larger is answered 413, and kept among what its source refused.", "a whole number from 1024 to 104857600",
            text => IsNumber(text, 1_024, 104_857_600)),
        new(CertificateRoots, "", "Root certificates (PEM) to which the certificates of PayPal's webhooks must lead, in place of those that the system trusts.", "a file that exists", File.Exists),
        new(MetricsToken, "", "Lets a scraper on another machine read `/metrics`, as a bearer token; without it only direct requests from this machine are answered.",
            "16 to 200 visible ASCII characters", text => text.Length is >= 16 and <= 200 && !text.AsSpan().ContainsAnyExceptInRange('!', '~')),
    ];

    private static Setting Limit(LimitKind kind, string byDefault, string description) => new(
        KeyOf(kind), byDefault, $"{description} Of a workspace that has no limit of its own (the command `set-limits`).", kind.Allowed, text => kind.TryParse(text, out _));

    /// <summary>The page that lists every setting.</summary>
    public static string ToMarkdown()
    {
        var page = new StringBuilder("""
            # Settings

            Generated from the code (`src/Hookway.Server/Hosting/Setting.cs`); a test compares them.

            They come from `appsettings.json` in the working directory, a file named by `--config`, environment variables and the command line, later ones winning.
            On the command line: `--Hookway:DataFolder=/var/lib/hookway` (or with `__` for `:`). An unknown key under `Hookway` or a bad value stops the start with one message that names it.
            `Logging:LogLevel:*` sets what is logged, as in any ASP.NET Core server.

            | key | environment variable | default | accepts | |
            |---|---|---|---|---|

            """);
        foreach (var setting in All)
        {
            page.Append(CultureInfo.InvariantCulture, $"| `{setting.Key}` | `{setting.EnvironmentVariable}` | {(setting.Default.Length == 0 ? "none" : $"`{setting.Default}`")} | {setting.Allowed} | {setting.Description} |\n");
        }
        return page.ToString();
    }

    /// <summary>The parts of an address to listen on; null when it is not one.</summary>
    public static BindingAddress? BindingAddressOf(string url)
    {
        try
        {
            return BindingAddress.Parse(url.Trim()) is { Scheme: "http" or "https", Port: >= 0 and <= IPEndPoint.MaxPort } address ? address : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Where a server that listens on this address is reached from the same machine: an address that stands for all of them is no place to send to.</summary>
    public static string LocalUrlOf(string url) =>
        BindingAddressOf(url) is { IsUnixPipe: false, IsNamedPipe: false } address && (address.Host is "*" or "+" or "0.0.0.0" or "[::]")
            ? $"{address.Scheme}://localhost:{address.Port}{address.PathBase}"
            : url.Trim().TrimEnd('/');

    /// <summary>Addresses and CIDR ranges divided by commas, an address as the range of it alone; null when one is neither.</summary>
    public static IReadOnlyList<IPNetwork>? AddressesAndNetworks(string text) => Networks(string.Join(',', text.Split(',', StringSplitOptions.TrimEntries).Select(part =>
        IPAddress.TryParse(part, out var address) ? $"{address}/{(address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)}" : part)));

    /// <summary>CIDR ranges divided by commas; null when one is not.</summary>
    public static IReadOnlyList<IPNetwork>? Networks(string text)
    {
        var found = new List<IPNetwork>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!IPNetwork.TryParse(part, out var network))
            {
                return null;
            }
            found.Add(network);
        }
        return found;
    }

    /// <summary>Delays divided by commas; null when one is not.</summary>
    public static IReadOnlyList<TimeSpan>? Delays(string text)
    {
        var delays = text.Split(',', StringSplitOptions.TrimEntries).Select(Duration).ToList();
        return delays.All(delay => delay > TimeSpan.Zero && delay <= TimeSpan.FromDays(1)) ? delays.ConvertAll(delay => delay!.Value) : null;
    }

    public static TimeSpan? Duration(string text) =>
        text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) ? time : null;

    private static bool IsConnectionString(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text).Host is { Length: > 0 };
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static bool IsUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";

    private static bool IsProxy(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http", PathAndQuery: "/", Fragment: "" };

    private static bool IsNumber(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most;
}
