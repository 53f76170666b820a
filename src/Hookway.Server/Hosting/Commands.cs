using System.Data.Common;
using System.Globalization;
using System.Net.Sockets;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Deliveries.Ownership;
using Hookway.Hosting.Demo;
using Hookway.Storage;

namespace Hookway.Hosting;

/// <summary>The commands of the server's program.</summary>
public static class Commands
{
    private const string Usage = """
        Hookway: a self-hosted webhook platform.

        hookway [command] [options]

          serve                                    run the server (when no command is given)
          demo                                     serve with a workspace of customers, receivers and traffic to look at
          migrate                                  bring the store up to date and stop
          create-workspace --name NAME             add a workspace and print its first key
          create-key --name NAME --scopes A,B      add an API key and print it   [--workspace NAME]
          owner-link                               print the link that makes a workspace's owner, while it has none   [--workspace NAME]
          reset-password --email ADDRESS           print a link by which a person sets a new password
          set-limits --workspace NAME              limit what a workspace may use; each takes a number, unlimited, or none for the server's setting:
              --requests-per-second  --messages-per-month  --apps  --endpoints-per-recipient  --retention-days  --payload-bytes
          backup --to FILE                         copy the embedded store, also while the server runs
          rotate-master-key                        seal all secrets under a new master key; with every server stopped
              --new-key-file FILE                  the new key (base64 of 32 bytes), where the present one is a setting; made in the data folder otherwise
          health                                   ask a running server whether it is ready   [--url URL]

          --config FILE                            a settings file (JSON)
          --help

        Settings, as --KEY=VALUE, as environment variables with __ for :, or in appsettings.json:

        """;

    private static readonly TimeSpan HealthPatience = TimeSpan.FromSeconds(5);

    /// <summary>Runs one command; answers the exit code: 0 done, 1 failed, 2 not understood.</summary>
    public static async Task<int> Run(string[] args, TextWriter output, TextWriter errors)
    {
        try
        {
            var line = CommandLine.Parse(args);
            if (line.Options.ContainsKey("help"))
            {
                await output.WriteAsync(Help());
                return 0;
            }
            var settings = ServerSettings.From(Read(line));
            switch (line.Command)
            {
                case "serve": await Serve(settings, output); return 0;
                case "demo": await Serve(settings, output, withDemo: true); return 0;
                case "migrate": await Migrate(settings, output); return 0;
                case "create-workspace": await CreateWorkspace(settings, line, output); return 0;
                case "create-key": await CreateKey(settings, line, output); return 0;
                case "owner-link": await OwnerLink(settings, line, output); return 0;
                case "reset-password": await ResetPassword(settings, line, output); return 0;
                case "set-limits": await SetLimits(settings, line, output); return 0;
                case "backup": await BackUp(settings, line, output); return 0;
                case "rotate-master-key": await RotateMasterKey(settings, line, output); return 0;
                case "health": return await CheckHealth(settings, line, output, errors);
                default: throw new SettingsException($"{line.Command} is not a command. --help lists them.");
            }
        }
        catch (SettingsException e)
        {
            await errors.WriteLineAsync(e.Message);
            return 2;
        }
        catch (Exception e) when (e is StorageUnavailableException or InvalidOperationException or InvalidDataException or IOException or UnauthorizedAccessException or DbException)
        {
            await errors.WriteLineAsync(e.Message);
            return 1;
        }
    }

    /// <summary>The settings of a command line, over those of the environment and of files.</summary>
    public static IConfiguration Read(CommandLine line)
    {
        // Not reloaded on change: a watcher on the working directory would see every write to a data folder below it.
        var files = new ConfigurationBuilder().SetBasePath(Directory.GetCurrentDirectory()).AddJsonFile("appsettings.json", optional: true, reloadOnChange: false);
        if (line.Options.TryGetValue("config", out var file))
        {
            if (!File.Exists(file))
            {
                throw new SettingsException($"There is no file {file}.");
            }
            files.AddJsonFile(Path.GetFullPath(file), optional: false, reloadOnChange: false);
        }
        return files.AddEnvironmentVariables("ASPNETCORE_").AddEnvironmentVariables().AddInMemoryCollection(line.Settings).Build();
    }

    private static string Help() =>
        Usage + string.Concat(Setting.All.Select(setting =>
            $"  {setting.Key,-42} {(setting.Default.Length == 0 ? "none" : setting.Default)}\n      {setting.Description}\n"));

    private static async Task Serve(ServerSettings settings, TextWriter output, bool withDemo = false)
    {
        if (withDemo && !settings.AllowsLoopback)
        {
            throw new SettingsException($"The demo's receivers are on this machine: let the server listen on loopback alone, or allow it with {Setting.AllowedNetworks}=127.0.0.0/8.");
        }
        var isNewDemo = withDemo && settings.ConnectionString is null && !Directory.Exists(settings.DataFolder);
        await using var app = ServerHost.Build(settings, isNewDemo ? new DemoClock(DemoServer.FirstTime) : null);
        var faults = app.Services.GetRequiredService<FaultWatch>();
        var database = app.Services.GetRequiredService<Database>();
        await using var claim = database.Claim();
        string? firstKey;
        string? ownerLink;
        var firstStart = app.Services.GetRequiredService<FirstStart>();
        await using (await database.TakeTurn())
        {
            await ServerHost.OpenStore(app.Services);
            await firstStart.Prepare(settings.BootstrapApiKey);
            await Listen(app, settings);
            // The key is shown once, so it is made once nothing is left that may fail before it is printed.
            firstKey = await firstStart.MakeKey();
            ownerLink = await firstStart.MakeOwnerLink();
        }
        var demo = withDemo ? await DemoServer.Start(app.Services, new Uri(Setting.LocalUrlOf(app.Urls.First()))) : default;
        await using var demoServer = demo.Demo;
        await output.WriteAsync(Welcome.Text(settings.PublicUrl ?? Setting.LocalUrlOf(app.Urls.First()), firstKey, settings, ownerLink));
        await output.WriteAsync(demo.Line is null ? "" : $"{demo.Line}\n\n");
        await output.FlushAsync();
        await app.WaitForShutdownAsync();
        if (faults.Fault is { } fault)
        {
            throw new InvalidOperationException($"The server stopped because of a fault: {fault.Message}", fault);
        }
    }

    private static async Task Listen(WebApplication app, ServerSettings settings)
    {
        try
        {
            await app.StartAsync();
        }
        catch (SocketException e)
        {
            throw new IOException($"The server cannot listen on {string.Join(';', settings.Urls)}: {e.Message}.", e);
        }
    }

    private static async Task Migrate(ServerSettings settings, TextWriter output)
    {
        await using var tools = ServerHost.BuildTools(settings);
        await using var claim = tools.GetRequiredService<Database>().Claim();
        await ServerHost.OpenStore(tools);
        await output.WriteLineAsync("The store is up to date.");
    }

    private static async Task CreateWorkspace(ServerSettings settings, CommandLine line, TextWriter output)
    {
        var name = line.Required("name");
        await using var tools = await OpenTools(settings);
        var (workspace, created) = await tools.GetRequiredService<WorkspaceStore>().FindOrCreate(name, Actor.Command);
        if (!created)
        {
            throw new InvalidOperationException($"There is a workspace {name} already: {workspace.WorkspaceId}.");
        }
        var key = ApiKey.Generate();
        await tools.GetRequiredService<ApiKeyStore>().Add(workspace.No, Actor.Command, key, "First key", [Scopes.Everything], expiresAt: null);
        await output.WriteLineAsync($"{workspace.WorkspaceId}\n{key}");
    }

    private static async Task CreateKey(ServerSettings settings, CommandLine line, TextWriter output)
    {
        var name = line.Required("name");
        var scopes = line.Required("scopes").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (scopes.FirstOrDefault(scope => !Scopes.All.Contains(scope)) is { } unknown)
        {
            throw new SettingsException($"{unknown} is not a scope. The scopes are {string.Join(", ", Scopes.All)}.");
        }
        await using var tools = await OpenTools(settings);
        var workspace = await WorkspaceOf(line, tools);
        var key = ApiKey.Generate();
        await tools.GetRequiredService<ApiKeyStore>().Add(workspace.No, Actor.Command, key, name, scopes, expiresAt: null);
        await output.WriteLineAsync(key);
    }

    private static async Task OwnerLink(ServerSettings settings, CommandLine line, TextWriter output)
    {
        await using var tools = await OpenTools(settings);
        var workspace = await WorkspaceOf(line, tools);
        var path = await tools.GetRequiredService<FirstStart>().OwnerLinkOf(workspace)
            ?? throw new InvalidOperationException($"The workspace {workspace.Name} has an owner already, who can invite others.");
        await output.WriteLineAsync(Base(settings) + path);
    }

    private static async Task ResetPassword(ServerSettings settings, CommandLine line, TextWriter output)
    {
        var email = line.Required("email");
        await using var tools = await OpenTools(settings);
        var user = await tools.GetRequiredService<UserStore>().FindByEmail(email) ?? throw new InvalidOperationException($"Nobody has an account under {email}.");
        var (_, token) = await tools.GetRequiredService<AccessLinkStore>().Create(AccessLink.Reset, workspaceNo: null, user.No, user.Email, role: null, Actor.Command);
        await output.WriteLineAsync(Base(settings) + AccessLink.PathOf(AccessLink.Reset, token));
    }

    /// <summary>The workspace that a command is about: the first one, unless it names another.</summary>
    private static async Task<Workspace> WorkspaceOf(CommandLine line, ServiceProvider tools)
    {
        var workspaces = tools.GetRequiredService<WorkspaceStore>();
        if (!line.Options.TryGetValue("workspace", out var wanted))
        {
            return await workspaces.First() ?? throw new InvalidOperationException("There is no workspace yet: start the server once.");
        }
        return await workspaces.FindAll(wanted) switch
        {
            [var only] => only,
            [] => throw new InvalidOperationException($"There is no workspace {wanted}."),
            var several => throw new InvalidOperationException($"Several workspaces are called {wanted}; name one by its id: {string.Join(", ", several.Select(one => one.WorkspaceId))}."),
        };
    }

    private static string Base(ServerSettings settings) => settings.PublicUrl ?? Setting.LocalUrlOf(settings.Urls[0]);

    private static async Task SetLimits(ServerSettings settings, CommandLine line, TextWriter output)
    {
        line.Required("workspace");
        var given = LimitKind.All.Where(kind => line.Options.ContainsKey(kind.Option)).ToList();
        foreach (var kind in given)
        {
            if (kind.Set(new WorkspaceLimits(), line.Options[kind.Option]) is null)
            {
                throw new SettingsException($"--{kind.Option} must be {kind.Allowed}{(kind.MayBeAbsent ? ", unlimited," : "")} or none.");
            }
        }
        if (given.Count == 0)
        {
            throw new SettingsException($"set-limits needs one of --{string.Join(", --", LimitKind.All.Select(kind => kind.Option))}.");
        }
        await using var tools = await OpenTools(settings);
        var workspace = await WorkspaceOf(line, tools);
        var changed = await tools.GetRequiredService<WorkspaceStore>().SetLimits(
            workspace.No, Actor.Command, own => given.Aggregate(own, (limits, kind) => kind.Set(limits, line.Options[kind.Option])!));
        foreach (var kind in LimitKind.All)
        {
            await output.WriteLineAsync($"{kind.Option} {kind.Of(changed.Limits)?.ToString(CultureInfo.InvariantCulture) ?? "unlimited"}");
        }
    }

    private static async Task BackUp(ServerSettings settings, CommandLine line, TextWriter output)
    {
        var file = Path.GetFullPath(line.Required("to"));
        if (File.Exists(file))
        {
            throw new InvalidOperationException($"{file} is there already.");
        }
        await using var tools = await OpenTools(settings);
        tools.GetRequiredService<Database>().BackUp(file);
        await output.WriteLineAsync($"The store is copied to {file}. Keep master.key with it: without it the secrets cannot be read.");
    }

    private static async Task RotateMasterKey(ServerSettings settings, CommandLine line, TextWriter output)
    {
        line.Options.TryGetValue("new-key-file", out var file);
        if (settings.MasterKey is null != file is null)
        {
            throw new SettingsException(file is null
                ? $"--new-key-file must name a file with the new key, since the present one is the setting {Setting.MasterKeyText}. Make one with: openssl rand -base64 32"
                : "--new-key-file is for a key that is given as a setting; that of a data folder is made in it.");
        }
        byte[]? given = null;
        if (file is not null && !(File.Exists(file) && MasterKey.TryParse(await File.ReadAllTextAsync(file), out given)))
        {
            throw new SettingsException($"{file} must hold base64 of {MasterKey.Length} bytes.");
        }
        await using var tools = ServerHost.BuildTools(settings);
        var database = tools.GetRequiredService<Database>();
        database.RequireUpToDate();
        await using var claim = database.Claim();
        await using var turn = await database.TakeTurn();
        var store = tools.GetRequiredService<StoreSettings>();
        if (given is not null)
        {
            database.Open(_ => { });
            if (await store.IsUnder(new SecretProtector(given)))
            {
                await output.WriteLineAsync($"The store is under the new key already. Give it as {Setting.MasterKeyText} from now on.");
                return;
            }
            await store.VerifyMasterKey(tools.GetRequiredService<SecretProtector>());
        }
        else
        {
            await ServerHost.OpenExistingStore(tools, isClaimed: true);
        }
        var next = new SecretProtector(given ?? MasterKey.PrepareNext(settings.DataFolder));
        var count = await tools.GetRequiredService<MasterKeyRotation>().Rotate(
            tools.GetRequiredService<SecretProtector>(), next, session => database.IsShared ? OwnerStore.RequireNone(database, session) : Task.CompletedTask);
        if (given is null)
        {
            MasterKey.TakeNext(settings.DataFolder);
        }
        await output.WriteLineAsync($"{count} secrets are sealed under the new key. "
            + (given is null ? "Backups from before need the old one." : $"Give it as {Setting.MasterKeyText} from now on; backups from before need the old one."));
    }

    private static async Task<int> CheckHealth(ServerSettings settings, CommandLine line, TextWriter output, TextWriter errors)
    {
        var url = line.Options.GetValueOrDefault("url") ?? settings.PublicUrl ?? settings.Urls[0];
        if (!Uri.TryCreate(Setting.LocalUrlOf(url) + "/readyz", UriKind.Absolute, out var probe) || probe.Scheme is not ("http" or "https"))
        {
            throw new SettingsException($"{url} is not an http or https URL.");
        }
        using var client = new HttpMessageInvoker(new SocketsHttpHandler());
        using var patience = new CancellationTokenSource(HealthPatience);
        string trouble;
        try
        {
            using var answer = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, probe), patience.Token);
            if (answer.IsSuccessStatusCode)
            {
                await output.WriteLineAsync("ready");
                return 0;
            }
            trouble = $"{(int)answer.StatusCode}";
        }
        catch (HttpRequestException e)
        {
            trouble = e.Message;
        }
        catch (OperationCanceledException)
        {
            trouble = $"no answer within {HealthPatience.TotalSeconds} s";
        }
        await errors.WriteLineAsync($"not ready: {trouble}");
        return 1;
    }

    private static async Task<ServiceProvider> OpenTools(ServerSettings settings)
    {
        var tools = ServerHost.BuildTools(settings);
        try
        {
            await ServerHost.OpenExistingStore(tools);
            return tools;
        }
        catch
        {
            await tools.DisposeAsync();
            throw;
        }
    }
}
