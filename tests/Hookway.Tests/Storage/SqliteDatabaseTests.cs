using Dapper;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Storage;

public class SqliteDatabaseTests
{
    [Fact]
    public async Task The_writer_is_durable_against_power_loss()
    {
        await using var server = await TestServer.Start();
        var database = server.Services.GetRequiredService<Database>();
        (await database.Write(session => session.Connection.ExecuteScalarAsync<string>("PRAGMA journal_mode"))).ShouldBe("wal");
        (await database.Write(session => session.Connection.ExecuteScalarAsync<long>("PRAGMA synchronous"))).ShouldBe(2);
        (await database.Write(session => session.Connection.ExecuteScalarAsync<long>("PRAGMA fullfsync"))).ShouldBe(1);
    }

    [Fact]
    public async Task Readers_cannot_write()
    {
        await using var server = await TestServer.Start();
        var database = server.Services.GetRequiredService<Database>();
        await Should.ThrowAsync<Exception>(() => database.Read(connection => connection.ExecuteAsync("DELETE FROM apps")));
        (await server.Post("/api/v1/apps", new { name = "still works" })).Expect(201);
    }

    [Fact]
    public async Task A_read_sees_every_write_that_ended_before_it()
    {
        await using var server = await TestServer.Start();
        var database = server.Services.GetRequiredService<Database>();
        for (var i = 1; i <= 200; i++)
        {
            await database.Write(session => session.Connection.ExecuteAsync("INSERT INTO configuration_changes (subject) VALUES ('x:1')"));
            (await database.Read(connection => connection.ExecuteScalarAsync<long>("SELECT count(*) FROM configuration_changes WHERE subject = 'x:1'"))).ShouldBe(i);
        }
    }

    [Fact]
    public async Task A_second_server_on_the_same_folder_refuses_to_start()
    {
        await using var server = await TestServer.Start();
        var errors = new StringWriter();

        var code = await Commands.Run(["serve", "--urls=http://127.0.0.1:0", $"--Hookway:DataFolder={server.Folder}"], new StringWriter(), errors);

        code.ShouldBe(1);
        errors.ToString().ShouldContain(server.Folder);
        (await server.Get("/readyz")).Expect(200);
    }

    [Fact]
    public async Task A_backup_is_whole_while_the_server_runs()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        var message = await server.Send(app);
        var copy = Path.Combine(server.Folder, "copy.db");

        server.Services.GetRequiredService<Database>().BackUp(copy);

        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={copy};Mode=ReadOnly;Pooling=False");
        (await connection.ExecuteScalarAsync<string>("SELECT id FROM messages")).ShouldBe(message);
        (await connection.ExecuteScalarAsync<string>("PRAGMA integrity_check")).ShouldBe("ok");
    }

    [Fact]
    public async Task No_more_than_eight_read_at_once_and_the_others_wait()
    {
        await using var server = await TestServer.Start();
        var database = server.Services.GetRequiredService<Database>();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (reading, most) = (0, 0);
        var reads = Enumerable.Range(0, 30).Select(_ => database.Read(async connection =>
        {
            most = Math.Max(most, Interlocked.Increment(ref reading));
            await go.Task;
            Interlocked.Decrement(ref reading);
            return await connection.ExecuteScalarAsync<long>("PRAGMA cache_size");
        })).ToList();
        await TestServer.Until(() => Volatile.Read(ref reading) == 8);
        go.SetResult();

        (await Task.WhenAll(reads)).ShouldAllBe(size => size == -4096);
        most.ShouldBe(8);
        (await database.Write(session => session.Connection.ExecuteScalarAsync<long>("PRAGMA cache_size"))).ShouldBe(-32768);
    }
}
