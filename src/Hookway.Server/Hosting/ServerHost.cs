using System.Net;
using Hookway.Access;
using Hookway.Access.Mails;
using Hookway.Access.Members;
using Hookway.Access.Portals;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Dashboard;
using Hookway.Deliveries;
using Hookway.Deliveries.Ownership;
using Hookway.Deliveries.Replays;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Explain;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Dispatch.Refusals;
using Hookway.Ingest.Anomalies;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Intake;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Issues;
using Hookway.Portal;
using Hookway.Retention;
using Hookway.Storage;
using Hookway.Ui;
using Microsoft.Extensions.Logging.Console;

namespace Hookway.Hosting;

/// <summary>Puts the server together from its settings.</summary>
public static class ServerHost
{
    private const int FewestThreads = 16;

    /// <summary>The web server with everything in it, not yet started.</summary>
    /// <param name="clock">The system's, or one that a test moves.</param>
    /// <param name="replace">What a test puts in the place of parts, last.</param>
    public static WebApplication Build(ServerSettings settings, TimeProvider? clock = null, Action<IServiceCollection>? replace = null)
    {
        // Reads of the embedded store block their thread for microseconds; the pool must not take that for exhaustion.
        ThreadPool.GetMinThreads(out var workers, out var completions);
        ThreadPool.SetMinThreads(Math.Max(workers, FewestThreads), completions);

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "hookway" });
        builder.Configuration.AddConfiguration(settings.Source);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.WebHost.UseUrls([.. settings.Urls]);
        PromptServer.Wrap(builder.Services);
        AddLogging(builder);
        builder.Services.AddRouting();
        builder.Services.ConfigureHttpJsonOptions(json => ApiJson.Configure(json.SerializerOptions));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Deliveries.DrainTimeout + TimeSpan.FromSeconds(10));
        builder.Services.AddApiDocument();
        builder.Services.AddHookwayMetrics(settings);
        AddParts(builder.Services, settings, clock ?? TimeProvider.System);
        builder.Services.AddHostedService(provider => provider.GetRequiredService<OutgoingMails>());
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddSingleton<FaultWatch>();
        AddRetention(builder.Services);
        replace?.Invoke(builder.Services);
        builder.Services.AddFaces(settings.PublicUrl);

        var app = builder.Build();
        if (settings.TrustedProxies.Count > 0)
        {
            app.UseMiddleware<TrustedProxies>();
        }
        app.UseMiddleware<RequestPipeline>();
        app.Use(app.Services.GetRequiredService<ApiInside>().Attach);
        app.UseRouting();
        app.UseMiddleware<Authentication>();
        app.UseMiddleware<DashboardGate>();
        app.UseMiddleware<PortalGate>();
        app.MapHookway();
        if (settings.IsLoopbackOnly)
        {
            app.Logger.LogInformation("The server listens on loopback alone, so endpoints on loopback are allowed");
        }
        return app;
    }

    /// <summary>What works behind the routes: the store, who may use it, what is sent and how it is delivered.</summary>
    internal static void AddParts(IServiceCollection services, ServerSettings settings, TimeProvider clock)
    {
        AddStorage(services, settings, clock);
        AddAccess(services, settings);
        services.AddSingleton<RequestRate>();
        AddDispatch(services, settings);
        AddIngest(services, settings);
        AddDestinations(services);
        AddDeliveries(services, settings);
        AddIssues(services);
    }

    /// <summary>What the commands that do not serve need: the store and who may use it.</summary>
    public static ServiceProvider BuildTools(ServerSettings settings)
    {
        var services = new ServiceCollection();
        AddStorage(services, settings, TimeProvider.System);
        AddAccess(services, settings);
        return services.BuildServiceProvider();
    }

    /// <summary>Opens the store, bringing it up to date or making it when it is not there. Before anything else touches it, by who has claimed it.</summary>
    public static async Task OpenStore(IServiceProvider services)
    {
        var database = services.GetRequiredService<Database>();
        database.Migrate();
        database.Open(fault => services.GetService<FaultWatch>()?.Report(fault));
        var settings = services.GetRequiredService<ServerSettings>();
        var store = services.GetRequiredService<StoreSettings>();
        if (settings.MasterKey is null && !await store.HasMasterKey())
        {
            MasterKey.CreateWhenMissing(settings.DataFolder);
        }
        await EndRotation(settings, store);
        await store.VerifyMasterKey(services.GetRequiredService<SecretProtector>());
        await (services.GetService<SourceStore>()?.SealPublicUrls() ?? Task.CompletedTask);
        await services.GetRequiredService<Configuration>().Start();
    }

    /// <summary>Opens a store that a server has made and brought up to date; changes nothing.</summary>
    /// <param name="isClaimed">Whether the caller has claimed it.</param>
    public static async Task OpenExistingStore(IServiceProvider services, bool isClaimed = false)
    {
        var database = services.GetRequiredService<Database>();
        database.RequireUpToDate();
        database.Open(_ => { });
        var store = services.GetRequiredService<StoreSettings>();
        if (!await store.HasMasterKey())
        {
            throw new InvalidOperationException("The store has never been used by a server: start the server on it once.");
        }
        var settings = services.GetRequiredService<ServerSettings>();
        if (await HasUnfinishedRotation(settings, store))
        {
            await using var claim = isClaimed ? null : database.Claim();
            // Whoever had the store until now may have brought it to its end.
            await EndRotation(settings, store);
        }
        await store.VerifyMasterKey(services.GetRequiredService<SecretProtector>());
        await services.GetRequiredService<Configuration>().Start();
    }

    /// <summary>Of a rotation that was killed after its commit only the new key's file is left to be put in its place.</summary>
    private static async Task EndRotation(ServerSettings settings, StoreSettings store)
    {
        if (await HasUnfinishedRotation(settings, store))
        {
            MasterKey.TakeNext(settings.DataFolder);
        }
    }

    private static async Task<bool> HasUnfinishedRotation(ServerSettings settings, StoreSettings store) =>
        settings.MasterKey is null && MasterKey.LoadNext(settings.DataFolder) is { } next && await store.IsUnder(new SecretProtector(next));

    private static void AddLogging(WebApplicationBuilder builder)
    {
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // A start that fails is told by the command, in one line; these would tell it as well, with their stacks.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => level is >= LogLevel.Warning and < LogLevel.Critical);
        // stdout carries what is printed for the operator alone, such as the first API key; the log goes to stderr.
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static void AddStorage(IServiceCollection services, ServerSettings settings, TimeProvider clock)
    {
        services.AddSingleton(settings);
        services.AddSingleton(settings.Retention);
        services.AddSingleton(clock);
        services.AddSingleton(Random.Shared);
        services.AddMetrics();
        services.AddSingleton<HookwayMeter>();
        services.AddSingleton<IdGenerator>();
        services.AddSingleton<Database>(_ => settings.ConnectionString is { } connection ? new PostgresDatabase(connection) : new SqliteDatabase(settings.DataFolder));
        services.AddSingleton<Configuration>();
        services.AddSingleton(_ => new SecretProtector(settings.MasterKey ?? MasterKey.Load(settings.DataFolder)));
        services.AddSingleton<StoreSettings>();
        services.AddSingleton<MasterKeyRotation>();
        foreach (var column in (IEnumerable<SealedColumn>)[.. EndpointStore.SealedColumns, .. UserStore.SealedColumns, .. SourceStore.SealedColumns, .. DestinationStore.SealedColumns])
        {
            services.AddSingleton(column);
        }
        services.AddSingleton(new ReadBounds());
    }

    private static void AddAccess(IServiceCollection services, ServerSettings settings)
    {
        services.AddSingleton(settings.Limits);
        services.AddSingleton<UsageStore>();
        services.AddSingleton<WorkspaceStore>();
        services.AddSingleton<ApiKeyStore>();
        services.AddSingleton<PortalSessionStore>();
        services.AddSingleton<AuditStore>();
        services.AddSingleton<RetentionDays>();
        services.AddSingleton<FirstStart>();
        services.AddSingleton<UserStore>();
        services.AddSingleton<MemberStore>();
        services.AddSingleton<AccessLinkStore>();
        services.AddSingleton<Passwords>();
        services.AddSingleton<Joining>();
        services.AddSingleton<SessionStore>();
        services.AddSingleton<SessionCaller>();
        services.AddSingleton<SignIn>();
        services.AddSingleton(provider => new OutgoingMails(settings.Smtp, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<OutgoingMails>>()));
        services.AddSingleton<ResetMails>();
    }

    private static void AddDispatch(IServiceCollection services, ServerSettings settings)
    {
        services.AddSingleton(settings.Targets);
        services.AddSingleton<AppCount>(provider => provider.GetRequiredService<AppStore>().Count);
        services.AddSingleton<AppStore>();
        services.AddSingleton<EventTypeStore>();
        services.AddSingleton<RecipientStore>();
        services.AddSingleton<EndpointStore>();
        services.AddSingleton<EndpointRules>();
        services.AddSingleton<EndpointRemoval>();
        services.AddSingleton<MessageStore>();
        services.AddSingleton<MessageSearch>();
        services.AddSingleton<MessageReader>();
        services.AddSingleton<MessageMetrics>();
        services.AddSingleton<MessageIntake>();
        services.AddSingleton<SendRequests>();
        services.AddSingleton<RefusedSendStore>();
        services.AddSingleton<RefusedSends>();
        services.AddHostedService(provider => provider.GetRequiredService<RefusedSends>());
        services.AddSingleton(settings.Explain);
        services.AddSingleton<Explainer>();
        services.AddSingleton<MessageReplay>();
        services.AddSingleton<ReplayableMessages>();
        services.AddSingleton<EndpointReplay>();
        services.AddSingleton<MessageErasure>();
        services.AddSingleton<FedMessages>();
        services.AddSingleton<FeedApp>(provider => provider.GetRequiredService<FedMessages>().Feed);
        services.AddSingleton<IsAppInUse>(provider => provider.GetRequiredService<FedMessages>().IsInUse);
    }

    private static void AddRetention(IServiceCollection services)
    {
        services.AddSingleton<IRetained, MessageRetention>();
        services.AddSingleton<IRetained, EventRetention>();
        services.AddSingleton<IRetained, ReplayRetention>();
        services.AddSingleton<IRetained, RefusedSendRetention>();
        services.AddSingleton<IRetained, RefusedRequestRetention>();
        services.AddSingleton<IRetained, StatRetention>();
        services.AddSingleton<IRetained, AuditRetention>();
        services.AddSingleton<IRetained, IssueRetention>();
        services.AddSingleton<RetentionRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<RetentionRunner>());
    }

    private static void AddIssues(IServiceCollection services)
    {
        services.AddSingleton<IssueStore>();
        services.AddSingleton<IssueDecision>();
        services.AddSingleton<IAttemptObserver, DeliverySignals>();
        services.AddSingleton<IWatcher, DeliveryIssues>();
        services.AddSingleton<IWatcher, TargetRecovery>();
        services.AddSingleton<IssueWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<IssueWatch>());
    }

    private static void AddIngest(IServiceCollection services, ServerSettings settings)
    {
        services.AddSingleton(settings.Ingest);
        services.AddSingleton<SourceStore>();
        services.AddSingleton<SourceRate>();
        services.AddSingleton<EventStore>();
        services.AddSingleton<EventSearch>();
        services.AddSingleton<EventReader>();
        services.AddSingleton<EventMetrics>();
        services.AddSingleton<EventIntake>();
        services.AddSingleton<EventCheck>();
        services.AddSingleton(provider => CertificateTrust.From(provider.GetRequiredService<ServerSettings>().CertificateRoots));
        services.AddSingleton<Certificates>();
        services.AddSingleton<SubscriptionVisit>();
        services.AddSingleton<IngestRequests>();
        services.AddSingleton<RefusedRequestStore>();
        services.AddSingleton<RefusedRequests>();
        services.AddHostedService(provider => provider.GetRequiredService<RefusedRequests>());
        services.AddSingleton<LedgerWatch>();
        services.AddSingleton<ExpectationWatch>();
        // In this order: what is due is judged by a ledger that has been looked at.
        services.AddSingleton<IWatcher>(provider => provider.GetRequiredService<LedgerWatch>());
        services.AddSingleton<IWatcher>(provider => provider.GetRequiredService<ExpectationWatch>());
        services.AddSingleton<IWatcher, SilenceWatch>();
        services.AddSingleton<IWatcher, QuietIssues>();
        services.AddSingleton<IWatcher, SourceRecovery>();
        services.AddSingleton<IWatcher, DowntimeWatch>();
        services.AddSingleton<IRetained>(provider => provider.GetRequiredService<ExpectationWatch>());
    }

    private static void AddDestinations(IServiceCollection services)
    {
        services.AddSingleton<DestinationStore>();
        services.AddSingleton<DestinationRules>();
        services.AddSingleton<DestinationRemoval>();
        services.AddSingleton<EventRouting>();
        services.AddSingleton<DestinationMatch>();
        services.AddSingleton<EventAttempts>();
        services.AddSingleton<EventReplay>();
        services.AddSingleton<ReplayableEvents>();
        services.AddSingleton<EventReplays>();
        services.AddSingleton<EventDeliveries>();
        services.AddSingleton<RouteEvent>(provider => provider.GetRequiredService<EventRouting>().Route);
        services.AddSingleton<ShowTarget>(provider => provider.GetRequiredService<DestinationStore>().Show);
    }

    private static void AddDeliveries(IServiceCollection services, ServerSettings settings)
    {
        IReadOnlyList<IPNetwork> allowed = settings.IsLoopbackOnly
            ? [.. settings.AllowedNetworks, IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")]
            : settings.AllowedNetworks;
        services.AddSingleton(settings.Deliveries);
        services.AddSingleton(settings.Sender);
        services.AddSingleton(provider => new AddressGuard(allowed, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<TargetUrls>();
        services.AddSingleton(provider => new RetrySchedule(settings.RetryDelays, provider.GetRequiredService<Random>()));
        services.AddSingleton<DeliveryStore>();
        services.AddSingleton<AttemptStore>();
        services.AddSingleton<DeliverySchedule>();
        services.AddSingleton<DeliverySender>();
        services.AddSingleton<SendRequest>(provider => provider.GetRequiredService<DeliverySender>().Send);
        services.AddSingleton<StartStep>((step, work) => ThreadPool.UnsafeQueueUserWorkItem(step, work, preferLocal: false));
        services.AddSingleton<CircuitStore>();
        services.AddSingleton<IAttemptObserver, TargetHealth>();
        services.AddSingleton<DeliveryMetrics>();
        services.AddSingleton<TargetStatStore>();
        services.AddSingleton<TargetStatRecorder>();
        services.AddSingleton<AttemptRecorder>();
        services.AddSingleton<ReplayStore>();
        services.AddSingleton<ReplayDriver>();
        services.AddSingleton<ReplayRuns>();
        services.AddSingleton<MessageDeliveries>();
        services.AddSingleton<IDeliverySource>(provider => provider.GetRequiredService<MessageDeliveries>());
        services.AddSingleton<IDeliverySource>(provider => provider.GetRequiredService<EventDeliveries>());
        services.AddSingleton<IReplaySource>(provider => provider.GetRequiredService<EndpointReplay>());
        services.AddSingleton<IReplaySource>(provider => provider.GetRequiredService<EventReplays>());
        services.AddSingleton<EngineFault>(provider => provider.GetRequiredService<FaultWatch>().Report);
        if (settings.ConnectionString is null)
        {
            services.AddSingleton<ITargetOwnership, SoleOwnership>();
        }
        else
        {
            services.AddSingleton(settings.Node);
            services.AddSingleton<OwnerStore>();
            services.AddSingleton<OwnershipMetrics>();
            services.AddSingleton<ITargetOwnership, SharedOwnership>();
        }
        services.AddHostedService<DeliveryEngine>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplayDriver>());
    }
}
