using System.Diagnostics;
using Dapper;
using Hookway.Dispatch.Endpoints;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Hookway.Tests.Storage;

/// <summary>A rotation of the master key that ends at any moment leaves an embedded store that opens, with its key in one of two files.</summary>
[Collection(RealProcesses.Name)]
public sealed class MasterKeyCrashTests : IDisposable
{
    private const int Endpoints = 4_000;

    private static readonly SealedColumn Secret = EndpointStore.SealedColumns.Single(column => column.Column == "secret");
    private static readonly SealedColumn Headers = EndpointStore.SealedColumns.Single(column => column.Column == "headers");

    private readonly string _folder = Directory.CreateTempSubdirectory("hookway-test-").FullName;

    private string NextKeyFile => Path.Combine(_folder, "master.key.next");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_tool_ends_what_a_killed_rotation_began_but_not_while_another_process_has_the_store()
    {
        await MakeStore(endpoints: 3);
        var newKey = MasterKey.PrepareNext(_folder);
        await using (var tools = Tools())
        {
            await using var claim = tools.GetRequiredService<Database>().Claim();
            await ServerHost.OpenExistingStore(tools, isClaimed: true);
            await tools.GetRequiredService<MasterKeyRotation>().Rotate(tools.GetRequiredService<SecretProtector>(), new SecretProtector(newKey));
            await using var other = Tools();
            await Should.ThrowAsync<InvalidOperationException>(() => ServerHost.OpenExistingStore(other));
        }
        MasterKey.LoadNext(_folder).ShouldBe(newKey);

        await EverythingOpens();

        MasterKey.Load(_folder).ShouldBe(newKey);
        MasterKey.LoadNext(_folder).ShouldBeNull();
    }

    [Fact]
    public async Task Half_a_key_that_was_being_written_is_no_key()
    {
        await MakeStore(endpoints: 3);
        var key = MasterKey.Load(_folder);
        await File.WriteAllTextAsync(NextKeyFile + ".new", Convert.ToBase64String(key)[..20], TestContext.Current.CancellationToken);

        await EverythingOpens();
        (await Run("rotate-master-key")).ShouldBe(0);

        await EverythingOpens();
        MasterKey.Load(_folder).ShouldNotBe(key);
    }

    [Fact]
    public async Task A_rotation_killed_at_any_instant_leaves_a_store_that_opens()
    {
        await MakeStore(Endpoints);
        var log = new FileInfo(Path.Combine(_folder, "hookway.db-wal"));
        byte[] key = [];
        Func<bool>[] instants =
        [
            () => File.Exists(NextKeyFile),
            () => File.Exists(NextKeyFile) && Grown(log) > 0,
            () => File.Exists(NextKeyFile) && Grown(log) > 1 << 20,
            () => !MasterKey.Load(_folder).SequenceEqual(key),
        ];
        var killed = 0;
        foreach (var instant in instants)
        {
            key = MasterKey.Load(_folder);
            using var rotation = Start();
            while (!rotation.HasExited && !instant())
            {
                await Task.Yield();
            }
            rotation.Kill();
            await rotation.WaitForExitAsync(TestContext.Current.CancellationToken);
            killed += rotation.ExitCode == 0 ? 0 : 1;

            await EverythingOpens();
        }
        killed.ShouldBeGreaterThan(0);
    }

    private static long Grown(FileInfo file)
    {
        file.Refresh();
        return file.Exists ? file.Length : 0;
    }

    /// <summary>A store that a server has made, with this many endpoints.</summary>
    private async Task MakeStore(int endpoints)
    {
        (await Run("migrate")).ShouldBe(0);
        var protector = new SecretProtector(MasterKey.Load(_folder));
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder, "hookway.db")};Pooling=False");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await connection.ExecuteAsync(
            """
            INSERT INTO workspaces (no, id, name, created_at) VALUES (1, 'ws_1', 'default', 0);
            INSERT INTO apps (no, id, workspace_no, name, created_at, updated_at) VALUES (1, 'app_1', 1, 'Billing', 0, 0);
            INSERT INTO recipients (no, app_no, recipient, created_at, updated_at) VALUES (1, 1, 'customer_1', 0, 0);
            """);
        await connection.ExecuteAsync(
            """
            INSERT INTO endpoints (id, app_no, recipient_no, url, name, enabled, paused, headers, retry_max_attempts, retry_backoff_seconds, ordered, secret, created_at, updated_at)
            VALUES (@id, 1, 1, 'http://127.0.0.1/', '', 1, 0, @headers, 8, 5, 0, @secret, 0, 0)
            """,
            Enumerable.Range(0, endpoints).Select(i => new
            {
                id = $"ep_{i}",
                headers = protector.Protect($"headers of {i}", Headers.PurposeOf($"ep_{i}")),
                secret = protector.Protect($"secret of {i}", Secret.PurposeOf($"ep_{i}")),
            }), transaction);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);
    }

    private async Task EverythingOpens()
    {
        await using var tools = Tools();
        await ServerHost.OpenExistingStore(tools);
        var database = tools.GetRequiredService<Database>();
        var protector = tools.GetRequiredService<SecretProtector>();
        foreach (var (id, headers, secret) in await database.Read(connection => connection.QueryAsync<(string, byte[], byte[])>("SELECT id, headers, secret FROM endpoints")))
        {
            protector.Unprotect(headers, Headers.PurposeOf(id)).ShouldBe($"headers of {id[3..]}");
            protector.Unprotect(secret, Secret.PurposeOf(id)).ShouldBe($"secret of {id[3..]}");
        }
    }

    private ServiceProvider Tools() => ServerHost.BuildTools(ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection([new("Hookway:DataFolder", _folder)]).Build()));

    private async Task<int> Run(string command)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await Commands.Run([command, $"--Hookway:DataFolder={_folder}"], output, errors);
        errors.ToString().ShouldBeEmpty();
        return code;
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "hookway.dll"), "rotate-master-key", $"--Hookway:DataFolder={_folder}"])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }
}
