using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Deliveries.Ownership;
using Hookway.Hosting;
using Hookway.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hookway.Tests.Simulation;

/// <summary>One life of a server process: all of its real parts but for the network, the disk's delays, the time and the chance.</summary>
internal sealed class SimulatedNode : IDisposable
{
    private readonly World _world;
    private readonly SimulatedStore _store;
    private readonly ServiceProvider _parts;
    private readonly List<IHostedLifecycleService> _hosted;

    public SimulatedNode(World world, int number)
    {
        _world = world;
        Process = new SimulatedProcess(world.Scheduler, number);
        Clock = new VirtualClock(world.Scheduler, Process);
        _store = new SimulatedStore(world.File, world, Process);
        var services = new ServiceCollection();
        ServerHost.AddParts(services, world.Settings, Clock);
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.Replace(ServiceDescriptor.Singleton<Database>(_store));
        services.Replace(ServiceDescriptor.Singleton(world.Scheduler.Random));
        services.Replace(ServiceDescriptor.Singleton(world.Options));
        services.Replace(ServiceDescriptor.Singleton<SendRequest>((request, cancel) => world.ReceiverOf(request.Url).Take(Process, request, cancel)));
        services.Replace(ServiceDescriptor.Singleton<StartStep>((step, work) => world.Scheduler.Post(Process, () => step(work))));
        if (world.HasSeveralNodes)
        {
            services.AddSingleton(World.Sharing with { Clock = Clock });
            services.AddSingleton<OwnerStore>();
            services.AddSingleton<OwnershipMetrics>();
            services.Replace(ServiceDescriptor.Singleton<ITargetOwnership, SharedOwnership>());
            services.AddSingleton<ILogger<SharedOwnership>>(new LossWatch(() => world.Ledger.Lost(Process), world.Fault));
        }
        services.Replace(ServiceDescriptor.Singleton<EngineFault>(fault => world.Fault(fault)));
        _parts = services.BuildServiceProvider();
        _hosted = [.. _parts.GetServices<IHostedService>().OfType<IHostedLifecycleService>()];
    }

    public SimulatedProcess Process { get; }

    public SimulatedStore Store => _store;

    /// <summary>Under which number it is one of the nodes.</summary>
    public long Epoch => Get<ITargetOwnership>().Epoch;

    public VirtualClock Clock { get; }

    /// <summary>Whether it takes requests.</summary>
    public bool IsServing { get; private set; }

    public T Get<T>() where T : notnull => _parts.GetRequiredService<T>();

    /// <summary>The caller of every request.</summary>
    public Caller Caller => Caller.OfServer(_world.Workspace, Get<Configuration>().Version);

    /// <summary>Starts as <c>serve</c> does; an error of the store ends the process, and it is started again.</summary>
    public void Start() => Do(async () =>
    {
        try
        {
            _store.Open(_world.Fault);
            await Get<Configuration>().Start();
            foreach (var hosted in _hosted)
            {
                await hosted.StartingAsync(default);
                await hosted.StartAsync(default);
                await hosted.StartedAsync(default);
            }
            IsServing = true;
        }
        catch (StorageUnavailableException)
        {
            _world.Crash(this);
        }
    });

    /// <summary>Does something in the process, which goes on in its own time.</summary>
    public void Do(Func<Task> work) => _world.Scheduler.Post(Process, async () =>
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            _world.Fault(e);
        }
    });

    /// <summary>Stops as an operator would have it.</summary>
    public void Stop(Action stopped)
    {
        IsServing = false;
        Do(async () =>
        {
            foreach (var hosted in _hosted)
            {
                await hosted.StoppingAsync(default);
            }
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), Clock);
            foreach (var hosted in _hosted)
            {
                await hosted.StopAsync(patience.Token);
                await hosted.StoppedAsync(default);
            }
            stopped();
        });
    }

    /// <summary>Ends at once: nothing of it goes on.</summary>
    public void Dispose()
    {
        IsServing = false;
        Process.Kill();
        _store.Dispose();
    }

    /// <summary>Hears a node say that it has lost its lease: it alone knows when.</summary>
    private sealed class LossWatch(Action lost, Action<Exception> fault) : ILogger<SharedOwnership>
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).Contains("has lost its lease", StringComparison.Ordinal))
            {
                lost();
            }
            if (exception is not null)
            {
                fault(exception);
            }
        }
    }
}
