using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>For how long history is kept, unless a workspace's own limit is shorter.</summary>
public sealed record RetentionOptions
{
    public const int DefaultDays = 30;

    public int Days { get; init; } = DefaultDays;
}

/// <summary>For how long each workspace keeps history: as long as the server does, or as its own limit says where that is shorter.</summary>
public sealed class RetentionDays(Database database, RetentionOptions options, WorkspaceLimits server)
{
    public async Task<int> Of(long workspaceNo) => Shorter(await database.Read(connection => connection.ExecuteScalarAsync<long?>(
        "SELECT retention_days FROM workspaces WHERE no = @workspaceNo", new { workspaceNo })));

    /// <summary>Those of every workspace, by its number.</summary>
    public Task<Dictionary<long, int>> OfAll() => database.Read(async connection =>
        (await connection.QueryAsync<(long No, long? Days)>("SELECT no, retention_days FROM workspaces")).ToDictionary(workspace => workspace.No, workspace => Shorter(workspace.Days)));

    private int Shorter(long? own) =>
        new WorkspaceLimits(RetentionDays: own).Over(server).RetentionDays is { } limit && limit < options.Days ? (int)limit : options.Days;
}
