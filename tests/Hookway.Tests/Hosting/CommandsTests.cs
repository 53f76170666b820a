using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Dapper;
using Hookway.Access;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

/// <summary>Commands as an operator runs them: what they print and their exit codes.</summary>
public sealed class CommandsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hookway-test-").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    private string Folder => Path.Combine(_root, "data");

    private string ErrorLine
    {
        get
        {
            var text = _errors.ToString();
            text.Split('\n').Length.ShouldBe(2, text);
            return text.TrimEnd();
        }
    }

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        _output.Dispose();
        _errors.Dispose();
    }

    [Theory]
    [InlineData("create-workspace", "--name=other")]
    [InlineData("create-key", "--name=x", "--scopes=*")]
    [InlineData("backup", "--to=copy.db")]
    public async Task A_tool_makes_no_store_where_there_is_none_and_names_the_folder(params string[] words)
    {
        (await Run(words)).ShouldBe(1);

        ErrorLine.ShouldStartWith($"There is no store in {Folder}:");
        Directory.Exists(Folder).ShouldBeFalse();
    }

    [Fact]
    public async Task A_tool_does_not_bring_an_old_store_up_to_date()
    {
        await Migrated();
        await OnStore("DELETE FROM SchemaVersions WHERE ScriptName LIKE '%0003%'");

        (await Run("backup", $"--to={Path.Combine(_root, "copy.db")}")).ShouldBe(1);

        ErrorLine.ShouldContain("is of an older version");
    }

    [Fact]
    public async Task Tools_work_on_a_store_that_is_there()
    {
        await Migrated();
        (await Run("create-workspace", "--name=default")).ShouldBe(0, _errors.ToString());
        (await Run("create-key", "--name=x", "--scopes=app:read")).ShouldBe(0, _errors.ToString());
        var copy = Path.Combine(_root, "copy.db");
        (await Run("backup", $"--to={copy}")).ShouldBe(0, _errors.ToString());
        File.Exists(copy).ShouldBeTrue();
    }

    [Fact]
    public async Task A_copy_that_cannot_be_written_is_told_in_a_line()
    {
        await Migrated();
        (await Run("backup", $"--to={Path.Combine(_root, "missing", "copy.db")}")).ShouldBe(1);
        ErrorLine.ShouldContain("could not be copied to");
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("migrate")]
    [InlineData("backup")]
    [InlineData("create-key")]
    public async Task A_lost_master_key_stops_every_command_and_is_not_made_anew(string command)
    {
        await Migrated();
        File.Delete(Path.Combine(Folder, "master.key"));

        (await Run(WithItsOptions(command))).ShouldBe(1);

        ErrorLine.ShouldContain("master.key is missing");
        File.Exists(Path.Combine(Folder, "master.key")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("migrate")]
    [InlineData("backup")]
    [InlineData("create-key")]
    public async Task Another_master_key_stops_every_command(string command)
    {
        await Migrated();
        var other = Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Length));

        (await Run([.. WithItsOptions(command), $"--Hookway:MasterKey={other}"])).ShouldBe(1);

        ErrorLine.ShouldContain("not the one under which this store's secrets were sealed");
    }

    [Fact]
    public async Task A_start_that_cannot_listen_makes_no_key_so_that_the_next_one_shows_it()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        (await Run("serve", $"--urls=http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}")).ShouldBe(1);

        ErrorLine.ShouldContain("address already in use");
        _output.ToString().ShouldBeEmpty();
        await using var tools = await Tools();
        var keys = tools.GetRequiredService<ApiKeyStore>();
        (await keys.HasAny((await tools.GetRequiredService<WorkspaceStore>().First())!.No)).ShouldBeFalse();
        var key = await tools.GetRequiredService<FirstStart>().MakeKey();
        (await keys.Find(key!)).ShouldNotBeNull();
        (await tools.GetRequiredService<FirstStart>().MakeKey()).ShouldBeNull();
    }

    [Fact]
    public async Task An_address_of_another_machine_is_told_in_a_line()
    {
        (await Run("serve", "--urls=http://192.0.2.1:8080")).ShouldBe(1);
        ErrorLine.ShouldStartWith("The server cannot listen on http://192.0.2.1:8080: ");
    }

    [Theory]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("http://127.0.0.1:8080;http://127.0.0.1:65536")]
    public async Task A_port_that_cannot_be_is_not_understood(string urls)
    {
        (await Run("serve", $"--urls={urls}")).ShouldBe(2);
        ErrorLine.ShouldStartWith("Urls must be ");
    }

    [Theory]
    [InlineData("*")]
    [InlineData("+")]
    [InlineData("0.0.0.0")]
    [InlineData("127.0.0.1")]
    public async Task Health_finds_a_server_that_listens_everywhere_on_this_machine(string host)
    {
        await using var server = await TestServer.Start();
        (await Run("health", $"--urls=http://{host}:{server.Address.Port}")).ShouldBe(0, _errors.ToString());
        _output.ToString().ShouldBe("ready\n");
    }

    [Fact]
    public async Task Health_without_a_server_or_with_no_url_fails_in_a_line()
    {
        (await Run("health", "--urls=http://127.0.0.1:1")).ShouldBe(1);
        ErrorLine.ShouldStartWith("not ready: ");
        _errors.GetStringBuilder().Clear();
        (await Run("health", "--url=nonsense")).ShouldBe(2);
        ErrorLine.ShouldBe("nonsense is not an http or https URL.");
    }

    [Fact]
    public async Task Health_does_not_wait_for_a_server_that_never_answers()
    {
        await using var silent = RawReceiver.Play(connection => connection.Hang());
        (await Run("health", $"--url=http://127.0.0.1:{silent.Port}")).ShouldBe(1);
        ErrorLine.ShouldBe("not ready: no answer within 5 s");
    }

    [Fact]
    public async Task Limits_are_set_read_back_and_cleared()
    {
        await Migrated();
        (await Run("create-workspace", "--name=acme")).ShouldBe(0, _errors.ToString());
        _output.GetStringBuilder().Clear();

        (await Run("set-limits", "--workspace=acme", "--requests-per-second=50", "--messages-per-month", "1000000", "--apps=unlimited", "--Hookway:Limits:Apps=3")).ShouldBe(0, _errors.ToString());
        _output.ToString().ShouldBe("requests-per-second 50\nmessages-per-month 1000000\napps unlimited\nendpoints-per-recipient unlimited\nretention-days unlimited\npayload-bytes 1048576\n");
        _output.GetStringBuilder().Clear();
        (await Run("set-limits", "--workspace=acme", "--requests-per-second=none", "--apps=none", "--Hookway:Limits:Apps=3")).ShouldBe(0, _errors.ToString());
        _output.ToString().ShouldStartWith("requests-per-second unlimited\nmessages-per-month 1000000\napps 3\n");

        await using var tools = await Tools();
        var workspace = (await tools.GetRequiredService<WorkspaceStore>().Find("acme"))!;
        var log = await tools.GetRequiredService<AuditStore>().List(workspace.No, null, "command", null, null, 10);
        log.Select(entry => entry.Action).ShouldBe(["workspace.limits_changed", "workspace.limits_changed", "api_key.created", "workspace.created"]);
        log[1].After!.ShouldContain("\"requestsPerSecond\":50");
    }

    [Theory]
    [InlineData("--workspace=default", "set-limits needs one of --requests-per-second")]
    [InlineData("--apps=3", "set-limits needs --workspace.")]
    [InlineData("--workspace=default --apps=0", "--apps must be a whole number from 1 to 1000000, unlimited, or none.")]
    [InlineData("--workspace=default --payload-bytes=unlimited", "--payload-bytes must be a whole number from 1024 to 16777216 or none.")]
    public async Task A_limit_that_cannot_be_is_not_understood(string words, string error)
    {
        (await Run(["set-limits", .. words.Split(' ')])).ShouldBe(2);
        ErrorLine.ShouldStartWith(error);
    }

    [Fact]
    public async Task A_workspace_is_named_by_its_id_where_several_have_its_name()
    {
        await Migrated();
        (await Run("create-workspace", "--name=twin")).ShouldBe(0, _errors.ToString());
        await OnStore("INSERT INTO workspaces (id, name, created_at) VALUES ('ws_other', 'twin', 0)");
        (await Run("create-key", "--workspace=twin", "--name=x", "--scopes=*")).ShouldBe(1);
        ErrorLine.ShouldContain("ws_other");
        (await Run("create-key", "--workspace=nobody", "--name=x", "--scopes=*")).ShouldBe(1);
        (await Run("create-key", "--workspace=ws_other", "--name=x", "--scopes=*")).ShouldBe(0);
        // Without a name it is the first workspace, whatever that is called.
        (await Run("create-key", "--name=x", "--scopes=*")).ShouldBe(0);
    }

    private static string[] WithItsOptions(string command) => command switch
    {
        "backup" => [command, "--to=copy.db"],
        "create-key" => [command, "--name=x", "--scopes=*"],
        "serve" => [command, "--urls=http://127.0.0.1:0"],
        _ => [command],
    };

    private Task<int> Run(params string[] words) => Commands.Run([.. words, $"--Hookway:DataFolder={Folder}"], _output, _errors);

    private async Task Migrated()
    {
        (await Run("migrate")).ShouldBe(0, _errors.ToString());
        _output.GetStringBuilder().Clear();
    }

    private async Task<ServiceProvider> Tools()
    {
        var tools = ServerHost.BuildTools(ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection([new("Hookway:DataFolder", Folder)]).Build()));
        await ServerHost.OpenExistingStore(tools);
        return tools;
    }

    private async Task OnStore(string sql)
    {
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(Folder, "hookway.db")};Pooling=False");
        (await connection.ExecuteAsync(sql)).ShouldBeGreaterThan(0);
    }
}
