using System.Data.Common;
using System.Security.Cryptography;
using Dapper;
using Hookway.Access.Members;
using Hookway.Deliveries.Ownership;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

/// <summary>The command <c>rotate-master-key</c>: everything that is sealed opens under the new key, and whenever it is killed the store opens under one of the two.</summary>
public sealed class MasterKeyRotationTests : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();
    private readonly string _newKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Length));
    private readonly string _newKeyFile = Path.GetTempFileName();

    private static bool IsSetting => PostgresDatabaseForTest.IsAsked;

    public void Dispose()
    {
        _output.Dispose();
        _errors.Dispose();
        File.Delete(_newKeyFile);
    }

    [Fact]
    public async Task Everything_sealed_opens_under_the_new_key_and_nothing_is_left_under_the_old_one()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var kept = await Fill(server, receiver);
        var old = KeyOf(server);
        await server.Stop();

        (await Rotate(server)).ShouldBe(0, _errors.ToString());
        Change(server);
        await server.StartAgain();

        KeyOf(server).ShouldNotBe(old);
        (await SealedUnder(server, old)).ShouldBeEmpty();
        (await SealedUnder(server, KeyOf(server))).ShouldBe(server.Services.GetServices<SealedColumn>().Select(column => $"{column.Table}.{column.Column}").Append("settings.value"), ignoreOrder: true);
        await Works(server, receiver, kept);
    }

    [Fact]
    public async Task A_store_that_a_server_works_on_is_left_alone()
    {
        await using var server = await TestServer.Start();
        var old = KeyOf(server);

        (await Rotate(server)).ShouldBe(1);

        _errors.ToString().ShouldContain(IsSetting ? "Nodes are at work on the store" : "in use by another Hookway server");
        KeyOf(server).ShouldBe(old);
        await server.Restart();
    }

    [Fact]
    public async Task What_is_killed_before_the_commit_has_changed_nothing_and_can_be_done_again()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var kept = await Fill(server, receiver);
        var old = KeyOf(server);
        await server.Stop();

        var next = IsSetting ? Convert.FromBase64String(_newKey) : MasterKey.PrepareNext(server.Folder);
        await server.StartAgain();
        KeyOf(server).ShouldBe(old);
        await Works(server, receiver, kept);
        await server.Stop();
        (await Rotate(server)).ShouldBe(0, _errors.ToString());

        Change(server);
        await server.StartAgain();
        (await server.Services.GetRequiredService<StoreSettings>().IsUnder(new SecretProtector(next))).ShouldBeTrue();
        MasterKey.LoadNext(server.Folder).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_killed_after_the_commit_is_brought_to_its_end_by_the_next_start()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var kept = await Fill(server, receiver);
        var next = IsSetting ? Convert.FromBase64String(_newKey) : MasterKey.PrepareNext(server.Folder);
        await server.Services.GetRequiredService<MasterKeyRotation>().Rotate(server.Services.GetRequiredService<SecretProtector>(), new SecretProtector(next));

        await server.Stop();
        if (IsSetting)
        {
            // The operator, who was told nothing, asks again; the server says no to the key that it had.
            (await Should.ThrowAsync<InvalidDataException>(server.StartAgain)).Message.ShouldContain("master key");
            (await Rotate(server)).ShouldBe(0, _errors.ToString());
            _output.ToString().ShouldContain("under the new key already");
        }
        Change(server);
        await server.StartAgain();

        (await server.Services.GetRequiredService<StoreSettings>().IsUnder(new SecretProtector(next))).ShouldBeTrue();
        MasterKey.LoadNext(server.Folder).ShouldBeNull();
        await Works(server, receiver, kept);
    }

    [Fact]
    public async Task What_does_not_open_changes_nothing()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        await Fill(server, receiver);
        var database = server.Services.GetRequiredService<Database>();
        // The last of the columns: what comes before it has been sealed anew by then.
        await database.Write(session => session.Connection.ExecuteAsync("UPDATE sources SET data_key = @bytes", new { bytes = new byte[64] }));

        (await Should.ThrowAsync<InvalidDataException>(() => server.Services.GetRequiredService<MasterKeyRotation>().Rotate(
            server.Services.GetRequiredService<SecretProtector>(), new SecretProtector(RandomNumberGenerator.GetBytes(MasterKey.Length))))).Message.ShouldStartWith("sources.data_key of src_");

        await database.Write(session => session.Connection.ExecuteAsync("DELETE FROM sources"));
        await server.Restart();
    }

    [Fact]
    public async Task A_node_that_stood_still_meanwhile_writes_nothing_and_gets_no_new_place()
    {
        if (!PostgresDatabaseForTest.IsAsked)
        {
            // The embedded store has one server, and a lock tells it from others: see the test of a store that is worked on.
            return;
        }
        await using var server = await TestServer.Start();
        var ownership = (SharedOwnership)server.Services.GetRequiredService<ITargetOwnership>();
        await ownership.StandStill();
        await server.Services.GetRequiredService<Database>().Aside(connection => connection.ExecuteAsync("UPDATE nodes SET lease_until = 1"));

        (await Rotate(server)).ShouldBe(0, _errors.ToString());

        (await server.Post("/api/v1/apps", new { name = "Under the old key" })).Expect(503);
        (await Should.ThrowAsync<InvalidDataException>(ownership.Start)).Message.ShouldContain("not the one under which");
    }

    /// <summary>A column that may hold something sealed must be declared, or no rotation finds it.</summary>
    [Fact]
    public async Task Every_column_of_bytes_is_declared_as_sealed_or_known_to_be_readable()
    {
        await using var server = await TestServer.Start();
        var columns = await server.Services.GetRequiredService<Database>().Read(connection => ByteColumns(server, connection));

        columns.Select(column => $"{column.Table}.{column.Column}").Except(Readable.Keys)
            .ShouldBe(server.Services.GetServices<SealedColumn>().Select(column => $"{column.Table}.{column.Column}"), ignoreOrder: true);
    }

    /// <summary>Columns of bytes that hold nothing under the master key, and what they hold.</summary>
    private static readonly Dictionary<string, string> Readable = new()
    {
        ["settings.value"] = "what the server keeps of the store itself; its check of the key is made anew with every rotation",
        ["api_keys.hash"] = "a hash",
        ["portal_sessions.hash"] = "a hash",
        ["user_sessions.hash"] = "a hash",
        ["access_links.hash"] = "a hash",
        ["event_types.example_payload"] = "JSON",
        ["event_types.schema"] = "JSON",
        ["recipients.metadata"] = "JSON",
        ["messages.content_hash"] = "a hash",
        ["messages.data"] = "JSON",
        ["attempts.response_body"] = "what a receiver answered",
        ["target_stats.latencies"] = "a histogram",
        ["events.duplicate_key"] = "a hash",
        ["events.signed_key"] = "a hash",
        ["events.sealed"] = "sealed under the source's own key",
        ["events.body"] = "what a vendor sent",
        ["event_keys.duplicate_key"] = "a hash",
    };

    /// <summary>One of everything that is sealed.</summary>
    private static async Task<(string App, string Endpoint, string Secret, System.Text.Json.JsonElement Source)> Fill(TestServer server, ReceiverStub receiver)
    {
        var app = await server.CreateApp();
        var endpoint = await server.CreateEndpoint(app, receiver.Url, new { headers = new { authorization = "Bearer abc" } });
        (await server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/rotate-secret", new { gracePeriodSeconds = 600 })).Expect(200);
        var secret = (await server.Get($"/api/v1/apps/{app}/endpoints/{endpoint}/secret")).Expect(200).Text("secret");
        using var member = await PageClient.SignedIn(server, Roles.Owner);
        var user = await server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<long>("SELECT no FROM users"));
        await server.Services.GetRequiredService<UserStore>().SetCodes(user, new byte[20], usedStep: 0, [], exceptSession: null);
        var source = await server.CreateSource(more: new { publicUrl = "https://hooks.example.com/in" });
        (await server.DeliverGitHub(source, "before")).Expect(200);
        await server.CreateDestination(source, receiver.UrlFor("/destination"), new { headers = new { authorization = "Bearer def" }, signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=" });
        return (app, endpoint, secret, source);
    }

    private static async Task Works(TestServer server, ReceiverStub receiver, (string App, string Endpoint, string Secret, System.Text.Json.JsonElement Source) kept)
    {
        (await server.Get($"/api/v1/apps/{kept.App}/endpoints/{kept.Endpoint}/secret")).Expect(200).Text("secret").ShouldBe(kept.Secret);
        var before = receiver.Count;
        await server.WaitForMessage(kept.App, await server.Send(kept.App), "succeeded");
        receiver.Requests[(int)before].Headers["authorization"].ToString().ShouldBe("Bearer abc");
        await server.WaitForEvent((await server.DeliverGitHub(kept.Source, $"after-{before}")).Expect(200).Text("eventId"), "succeeded");
        receiver.Requests.Last(request => request.Path == "/destination").Headers["authorization"].ShouldBe("Bearer def");
        (await server.Get($"/api/v1/ingest/sources/{kept.Source.Id()}")).Expect(200).Text("ingestUrl").ShouldEndWith(kept.Source.Path());
        var user = await server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<string>("SELECT email FROM users"));
        (await server.Services.GetRequiredService<UserStore>().FindByEmail(user!))!.CodeSecret.ShouldBe(new byte[20]);
    }

    private async Task<int> Rotate(TestServer server)
    {
        await File.WriteAllTextAsync(_newKeyFile, _newKey, TestContext.Current.CancellationToken);
        string[] words = ["rotate-master-key", .. server.StoreOptions, .. IsSetting ? [$"--new-key-file={_newKeyFile}"] : Array.Empty<string>()];
        return await Commands.Run(words, _output, _errors);
    }

    private void Change(TestServer server)
    {
        if (IsSetting)
        {
            server.Use("Hookway:MasterKey", _newKey);
        }
    }

    private static string KeyOf(TestServer server) =>
        Convert.ToHexString(SHA256.HashData(server.Services.GetRequiredService<ServerSettings>().MasterKey ?? MasterKey.Load(server.Folder))[..4]);

    /// <summary>The columns in which something is sealed under a key: version and key id are the first five bytes.</summary>
    private static Task<List<string>> SealedUnder(TestServer server, string keyId) => server.Services.GetRequiredService<Database>().Read(async connection =>
    {
        var found = new List<string>();
        foreach (var (table, column) in await ByteColumns(server, connection))
        {
            var values = await connection.QueryAsync<byte[]>($"SELECT {column} FROM {table} WHERE {column} IS NOT NULL");
            if (values.Any(value => Convert.ToHexString(value).StartsWith("01" + keyId, StringComparison.Ordinal)))
            {
                found.Add($"{table}.{column}");
            }
        }
        return found;
    });

    private static async Task<List<(string Table, string Column)>> ByteColumns(TestServer server, DbConnection connection) =>
        (await connection.QueryAsync<(string Table, string Column)>(server.PostgresConnectionString is null
            ? "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'BLOB' ORDER BY 1, 2"
            : "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'")).AsList();
}
