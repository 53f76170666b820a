using System.Globalization;
using System.Net;
using Hookway.Access;
using Hookway.Access.Mails;
using Hookway.Deliveries;
using Hookway.Deliveries.Ownership;
using Hookway.Dispatch.Explain;
using Hookway.Ingest.Intake;

namespace Hookway.Hosting;

/// <summary>The server's settings, read and checked: what is in here is good.</summary>
public sealed class ServerSettings
{
    private ServerSettings(IConfiguration source)
    {
        Source = source;
        string Value(string key) => source[key] is { Length: > 0 } given ? given : Setting.All.First(setting => setting.Key == key).Default;
        int Number(string key) => int.Parse(Value(key), CultureInfo.InvariantCulture);

        Urls = Value(Setting.Urls).Split(';', StringSplitOptions.TrimEntries);
        PublicUrl = Value(Setting.PublicUrl) is { Length: > 0 } url ? url.TrimEnd('/') : null;
        DataFolder = Path.GetFullPath(Value(Setting.DataFolder));
        ConnectionString = Value(Setting.ConnectionString) is { Length: > 0 } connection ? connection : null;
        MasterKey = Value(Setting.MasterKeyText) is { Length: > 0 } key ? Convert.FromBase64String(key.Trim()) : null;
        BootstrapApiKey = Value(Setting.BootstrapApiKey) is { Length: > 0 } bootstrap ? bootstrap : null;
        MetricsToken = Value(Setting.MetricsToken) is { Length: > 0 } metrics ? metrics : null;
        Smtp = Value(Setting.SmtpHost) is { Length: > 0 } host ? new SmtpOptions(
            host, Number(Setting.SmtpPort), Enum.Parse<SmtpSecurity>(Value(Setting.SmtpSecurity), ignoreCase: true),
            Value(Setting.SmtpUser) is { Length: > 0 } user ? user : null, Value(Setting.SmtpPassword), Value(Setting.SmtpFrom), PublicUrl!) : null;
        TrustedProxies = Setting.AddressesAndNetworks(Value(Setting.TrustedProxies))!;
        AllowedNetworks = Setting.Networks(Value(Setting.AllowedNetworks))!;
        RetryDelays = Setting.Delays(Value(Setting.RetrySchedule))!;
        Sender = new SenderOptions
        {
            Timeout = Setting.Duration(Value(Setting.Timeout))!.Value,
            Proxy = Value(Setting.DeliveryProxy) is { Length: > 0 } proxy ? new Uri(proxy) : null,
        };
        Deliveries = new DeliveryOptions { MaxInFlight = Number(Setting.MaxInFlight), MaxInFlightPerTarget = Number(Setting.MaxInFlightPerTarget) };
        Node = new NodeOptions { Lease = TimeSpan.FromSeconds(Number(Setting.LeaseSeconds)) };
        Targets = new TargetOptions { RequireHttps = bool.Parse(Value(Setting.RequireHttps)) };
        Limits = LimitKind.All.Aggregate(
            new WorkspaceLimits(), (limits, kind) => kind.TryParse(Value(Setting.KeyOf(kind)), out var value) ? kind.With(limits, value) : limits);
        Explain = new ExplainOptions { PublicUrl = PublicUrl ?? Setting.LocalUrlOf(Urls[0]) };
        Ingest = new IngestOptions { BodyBytes = Number(Setting.IngestBodyBytes) };
        CertificateRoots = Value(Setting.CertificateRoots) is { Length: > 0 } roots ? roots : null;
        Retention = new RetentionOptions { Days = Number(Setting.RetentionDays) };
    }

    /// <summary>All of it, for the parts of the framework that read their own.</summary>
    public IConfiguration Source { get; }

    public IReadOnlyList<string> Urls { get; }

    /// <summary>As the operator set it; null when it follows from where the server listens.</summary>
    public string? PublicUrl { get; }
    public string DataFolder { get; }

    /// <summary>PostgreSQL's; null for the embedded store.</summary>
    public string? ConnectionString { get; }
    public byte[]? MasterKey { get; }
    public string? BootstrapApiKey { get; }

    /// <summary>With which <c>/metrics</c> is read from elsewhere; null when it is not.</summary>
    public string? MetricsToken { get; }

    /// <summary>Null where there is no mail server.</summary>
    public SmtpOptions? Smtp { get; }

    /// <summary>Whose word on the sender of a request is believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; }
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; }
    public IReadOnlyList<TimeSpan> RetryDelays { get; }
    public SenderOptions Sender { get; }
    public DeliveryOptions Deliveries { get; }
    public NodeOptions Node { get; }
    public TargetOptions Targets { get; }
    /// <summary>Of a workspace that has none of its own.</summary>
    public WorkspaceLimits Limits { get; }
    public ExplainOptions Explain { get; }
    public IngestOptions Ingest { get; }
    public RetentionOptions Retention { get; }

    /// <summary>A file of roots for vendors' certificates; null for those of the system.</summary>
    public string? CertificateRoots { get; }

    /// <summary>Whether nobody but this machine can reach the server, so that its endpoints may be on this machine too.</summary>
    public bool IsLoopbackOnly => Urls.All(url => IsLoopback(Setting.BindingAddressOf(url)!.Host)) && (PublicUrl is null || IsLoopback(new Uri(PublicUrl).Host));

    /// <summary>Whether endpoints may be on this machine.</summary>
    public bool AllowsLoopback => IsLoopbackOnly || AllowedNetworks.Any(range => range.Contains(IPAddress.Loopback));

    /// <exception cref="SettingsException">A key is unknown or a value is not allowed; the message names it.</exception>
    public static ServerSettings From(IConfiguration source)
    {
        foreach (var (key, value) in source.GetSection("Hookway").AsEnumerable())
        {
            if (value is null && source.GetSection(key).GetChildren().Any())
            {
                continue;
            }
            if (key != "Hookway" && !Setting.All.Any(setting => setting.Key.Equals(key, StringComparison.OrdinalIgnoreCase)))
            {
                throw new SettingsException($"{key} is not a setting of this server. --help lists them.");
            }
        }
        foreach (var setting in Setting.All)
        {
            if (source[setting.Key] is { Length: > 0 } value && !setting.Check(value))
            {
                throw new SettingsException($"{setting.Key} must be {setting.Allowed}.");
            }
        }
        if (source[Setting.ConnectionString] is { Length: > 0 } && source[Setting.MasterKeyText] is not { Length: > 0 })
        {
            throw new SettingsException($"{Setting.MasterKeyText} is required with PostgreSQL: nodes share it, and it must not be in the database. Make one with: openssl rand -base64 32");
        }
        if (source[Setting.SmtpHost] is { Length: > 0 } && Array.Find([Setting.SmtpFrom, Setting.PublicUrl], key => source[key] is not { Length: > 0 }) is { } missing)
        {
            throw new SettingsException($"{missing} is required with {Setting.SmtpHost}: mails have a sender, and their links lead where you say and not where a request says.");
        }
        return new ServerSettings(source);
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}

/// <summary>A setting that stops the start; the message is for the operator.</summary>
public sealed class SettingsException(string message) : Exception(message);
