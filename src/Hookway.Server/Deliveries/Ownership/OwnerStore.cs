using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries.Ownership;

/// <summary>Every SQL statement about nodes and the targets that they have.</summary>
public sealed class OwnerStore(Database database)
{
    private const int MostRounds = 20;

    private static readonly RowStatement ClaimStatement = new(
        """
        INSERT INTO target_owners (target_no, owner, due_at) SELECT v.target, v.owner, v.due FROM {rows} WHERE true
        ON CONFLICT (target_no) DO UPDATE SET owner = excluded.owner, due_at = excluded.due_at, claims = target_owners.claims + 1
            WHERE target_owners.owner IS NULL OR target_owners.owner IN (SELECT no FROM departed_nodes)
        RETURNING target_no, claims
        """, RowStatement.Number("target"), RowStatement.Number("owner"), RowStatement.Number("due"));

    // A node that is gone has nothing: who looks for what is free passes by what is locked, and those who accept for it would keep it locked as long as they come.
    private const string Held =
        """
        SELECT o.target_no, o.owner FROM {rows} JOIN target_owners o ON o.target_no = v.target
        WHERE o.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM departed_nodes g WHERE g.no = o.owner) ORDER BY o.target_no
        """;

    private static readonly RowStatement HeldStatement = new(Held + " FOR SHARE OF o", RowStatement.Number("target"));

    private static readonly RowStatement HeldStatementWithoutLocks = new(Held, RowStatement.Number("target"));

    private const string Node = "SELECT n.no FROM {rows} JOIN nodes n ON n.no = v.node";

    private static readonly RowStatement<long> NodeStatement = new RowStatement<long>(Node + " FOR KEY SHARE OF n").Number("node", no => no);

    private static readonly RowStatement<long> NodeStatementWithoutLocks = new RowStatement<long>(Node).Number("node", no => no);

    private static readonly RowStatement NextDueStatement = new(
        "SELECT v.target, (SELECT min(d.next_attempt_at) FROM deliveries d WHERE d.target_no = v.target AND d.status = 0) FROM {rows}", RowStatement.Number("target"));

    private static readonly RowStatement FreeStatement = new(
        "UPDATE target_owners SET owner = NULL, due_at = v.due FROM {rows} WHERE target_no = v.target", RowStatement.Number("target"), RowStatement.Number("due"));

    /// <summary>Makes sure that no node is at work, and that none begins, or begins anew, before the transaction ends.</summary>
    /// <exception cref="InvalidOperationException">One is.</exception>
    public static async Task RequireNone(Database database, WriteSession session)
    {
        // Makes who registers or renews a lease wait, but none of those who only hold on to their own row.
        await session.Connection.ExecuteAsync("LOCK TABLE nodes IN SHARE ROW EXCLUSIVE MODE");
        var now = await database.Now(session.Connection);
        var nodes = (await session.Connection.QueryAsync<(long No, string Name, long LeaseUntil)>("SELECT no, name, lease_until FROM nodes ORDER BY no")).AsList();
        var live = nodes.Where(node => node.LeaseUntil >= now).ToList();
        if (live.Count > 0)
        {
            throw new InvalidOperationException(
                $"Nodes are at work on the store ({string.Join(", ", live.Select(node => node.Name))}): stop them first. One that was killed counts until its lease is over, in {((live.Max(node => node.LeaseUntil) - now) / 1_000) + 1} s.");
        }
        foreach (var node in nodes)
        {
            // It may only have stood still: without its row it can commit nothing any more.
            await Leave(session, node.No);
        }
    }

    /// <summary>Makes a new node, with a lease from now on; answers its number.</summary>
    public Task<long> Register(string name, TimeSpan lease) => database.Aside(async connection => await connection.ExecuteScalarAsync<long>(
        "INSERT INTO nodes (name, lease_until) VALUES (@name, @until) RETURNING no", new { name, until = await database.Now(connection) + (long)lease.TotalMilliseconds }));

    /// <summary>Prolongs a node's lease; false when the node has been given up.</summary>
    public Task<bool> Renew(long no, TimeSpan lease) => database.Aside(async connection => await connection.ExecuteAsync(
        "UPDATE nodes SET lease_until = @until WHERE no = @no", new { no, until = await database.Now(connection) + (long)lease.TotalMilliseconds }) == 1);

    /// <summary>
    /// Whether a node is still one, for as long as the transaction lasts: nobody can give it up before its end. Every transaction of a node begins with it.
    /// </summary>
    /// <param name="answered">Told whether it is.</param>
    public static Task AskWhetherHeld(WriteSession session, long no, Action<bool> answered) =>
        session.Ask(session.HasRowLocks ? NodeStatement : NodeStatementWithoutLocks, no, found => answered(found is not null));

    /// <summary>What there is for a node to do beside its own targets.</summary>
    /// <param name="due">What is free and due by then, in Unix milliseconds.</param>
    public Task<NodeNews> News(long no, long due) => database.Aside(async connection =>
    {
        var (others, lapsed, free, left) = await connection.QuerySingleAsync<(long, long, long, long)>(
            """
            SELECT (SELECT count(*) FROM nodes WHERE no <> @no), (SELECT count(*) FROM nodes WHERE no <> @no AND lease_until < @now),
                (SELECT count(*) FROM (SELECT 1 FROM target_owners WHERE owner IS NULL AND due_at <= @due LIMIT 1) AS free),
                (SELECT count(*) FROM departed_nodes)
            """, new { no, now = await database.Now(connection), due });
        return new NodeNews(others > 0, lapsed > 0, free > 0 || left > 0);
    });

    /// <summary>Gives up nodes whose lease is over. Waits for nobody: a node in the midst of a transaction is given up when that has ended.</summary>
    public async Task<IReadOnlyList<long>> GiveUpLapsed(WriteSession session)
    {
        var lapsed = (await session.Connection.QueryAsync<long>(
            $"SELECT no FROM nodes WHERE lease_until < @now{SkipLocked(session)}", new { now = await database.Now(session.Connection) })).AsList();
        foreach (var no in lapsed)
        {
            await Leave(session, no);
        }
        return lapsed;
    }

    /// <summary>Ends a node: what it had is free.</summary>
    public static async Task Leave(WriteSession session, long no)
    {
        if (await session.Connection.ExecuteAsync("DELETE FROM nodes WHERE no = @no", new { no }) == 1)
        {
            await session.Connection.ExecuteAsync("INSERT INTO departed_nodes (no) VALUES (@no)", new { no });
        }
    }

    /// <summary>Takes targets that are free and due, and those of nodes that are gone; answers which.</summary>
    public static async Task<List<long>> TakeFree(WriteSession session, long no, long due, int most)
    {
        var free = (await session.Connection.QueryAsync<long>(
            $"SELECT target_no FROM target_owners WHERE owner IS NULL AND due_at <= @due ORDER BY due_at LIMIT @most{SkipLocked(session)}", new { due, most })).AsList();
        var departed = (await session.Connection.QueryAsync<long>("SELECT no FROM departed_nodes ORDER BY no")).AsList();
        foreach (var gone in departed)
        {
            if (free.Count < most)
            {
                free.AddRange(await session.Connection.QueryAsync<long>(
                    $"SELECT target_no FROM target_owners WHERE owner = @gone LIMIT @most{SkipLocked(session)}", new { gone, most = most - free.Count }));
            }
        }
        if (free.Count > 0)
        {
            await session.Connection.ExecuteAsync($"UPDATE target_owners SET owner = @no, due_at = NULL, claims = claims + 1 WHERE target_no IN {Stored.List(free)}", new { no });
        }
        foreach (var gone in departed)
        {
            await session.Connection.ExecuteAsync(
                "DELETE FROM departed_nodes WHERE no = @gone AND NOT EXISTS (SELECT 1 FROM target_owners WHERE owner = @gone)", new { gone });
        }
        return free;
    }

    /// <summary>Takes targets for a node, or says whose they are, which stays so until the transaction ends.</summary>
    /// <param name="no">Null to leave those that nobody has free and due at <paramref name="due"/>.</param>
    /// <param name="alone">Most will be free: nobody else is there.</param>
    public static async Task<Claims> Claim(WriteSession session, long? no, IReadOnlyCollection<long> targets, long due, bool alone)
    {
        var claims = new Claims([], [], []);
        var left = targets.Distinct().Order().ToList();
        for (var round = 0; left.Count > 0; round++)
        {
            if (round > 0 || !alone)
            {
                // In the order of their numbers, here and below, so that no two nodes wait for each other.
                var held = await session.Read(
                    session.HasRowLocks ? HeldStatement : HeldStatementWithoutLocks, [.. left.Select(target => new object?[] { target })],
                    row => (TargetNo: row.GetInt64(0), Owner: row.GetInt64(1)));
                claims.Inherited.AddRange(held.Where(row => row.Owner == no).Select(row => row.TargetNo));
                claims.Others.AddRange(held.Where(row => row.Owner != no));
                left = [.. left.Except(held.Select(row => row.TargetNo))];
            }
            var taken = await session.Read(
                ClaimStatement, [.. left.Select(target => new object?[] { target, no, no is null ? due : null })], row => (TargetNo: row.GetInt64(0), Claims: row.GetInt64(1)));
            claims.Fresh.AddRange(taken.Where(row => row.Claims == 0).Select(row => row.TargetNo));
            claims.Inherited.AddRange(taken.Where(row => row.Claims > 0).Select(row => row.TargetNo));
            left = [.. left.Except(taken.Select(row => row.TargetNo))];
            if (round == MostRounds)
            {
                throw new InvalidOperationException("The owners of targets changed again and again while they were asked for.");
            }
        }
        return claims;
    }

    /// <summary>
    /// Lets targets go that have nothing to do: without a delivery that waits their rows go too. Those that somebody just gives work to, or that have work after all, are kept.
    /// </summary>
    /// <param name="quiet">Targets, with the time before which nothing may be done for them, if there is one.</param>
    /// <returns>Those that were let go.</returns>
    public static async Task<HashSet<long>> LetGo(WriteSession session, long no, IReadOnlyDictionary<long, DateTimeOffset?> quiet, DateTimeOffset soon)
    {
        var locked = (await session.Connection.QueryAsync<long>(
            $"SELECT target_no FROM target_owners WHERE target_no IN {Stored.List(quiet.Keys)} AND owner = @no ORDER BY target_no{SkipLocked(session)}", new { no })).AsList();
        // Asked when the rows are locked: whoever gives work from now on waits, and finds them free.
        var found = await session.Read(
            NextDueStatement, [.. locked.Select(target => new object?[] { target })], row => (TargetNo: row.GetInt64(0), Due: row.IsDBNull(1) ? (long?)null : row.GetInt64(1)));
        var done = found.Where(row => row.Due is null).Select(row => row.TargetNo).ToList();
        if (done.Count > 0)
        {
            await session.Connection.ExecuteAsync($"DELETE FROM target_owners WHERE target_no IN {Stored.List(done)}");
        }
        var later = found.Where(row => row.Due is not null)
            .Select(row => (row.TargetNo, Due: quiet[row.TargetNo]?.ToUnixTimeMilliseconds() ?? row.Due!.Value))
            .Where(row => row.Due > soon.ToUnixTimeMilliseconds()).ToList();
        await session.ForEach(FreeStatement, [.. later.Select(row => new object?[] { row.TargetNo, row.Due })]);
        return [.. done, .. later.Select(row => row.TargetNo)];
    }

    /// <summary>Has somebody look at targets that nobody has.</summary>
    public static Task MakeDue(WriteSession session, IEnumerable<long> targets, long now) => session.Connection.ExecuteAsync(
        $"UPDATE target_owners SET due_at = @now WHERE owner IS NULL AND due_at > @now AND target_no IN {Stored.List(targets)}", new { now });

    /// <summary>Which of these targets have a delivery that is due.</summary>
    public Task<List<long>> HavingDue(IReadOnlyCollection<long> targets, long now) => database.Aside(async connection =>
        (await connection.QueryAsync<long>(
            $"""
            WITH v(no) AS (VALUES {string.Join(',', targets.Select(target => $"({target})"))})
            SELECT no FROM v WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.target_no = v.no AND d.status = 0 AND d.next_attempt_at <= @now)
            """, new { now })).AsList());

    private static string SkipLocked(WriteSession session) => session.HasRowLocks ? " FOR UPDATE SKIP LOCKED" : "";
}

/// <summary>What a claim came to.</summary>
/// <param name="Fresh">Now this node's; there was no work for them before.</param>
/// <param name="Inherited">This node's; there may be more work for them in the store.</param>
/// <param name="Others">Another node's.</param>
public sealed record Claims(List<long> Fresh, List<long> Inherited, List<(long TargetNo, long Owner)> Others);

/// <summary>What a look at the store found.</summary>
/// <param name="HasOthers">There are other nodes.</param>
/// <param name="HasLapsed">The lease of one of them is over.</param>
/// <param name="HasFree">There are targets to be taken.</param>
public sealed record NodeNews(bool HasOthers, bool HasLapsed, bool HasFree);
