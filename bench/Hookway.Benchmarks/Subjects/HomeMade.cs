namespace Hookway.Benchmarks.Subjects;

/// <summary>What a do-it-yourself stack keeps its queue in.</summary>
public enum QueueIn
{
    Redis,
    Postgres,
}

/// <summary>
/// A do-it-yourself stack: a program of the folder of stacks, with durable settings. They are no part of this repository; where the folder is not there they are passed over.
/// </summary>
/// <param name="Name">What the tables call it.</param>
/// <param name="Program">The file that Node.js runs.</param>
/// <param name="Configuration">Redis' configuration file; null on PostgreSQL.</param>
/// <param name="Settings">Environment variables, by name.</param>
public sealed record HomeMade(string Name, string Program, QueueIn Queue, string? Configuration, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>All that are measured: every durable setting that their own documentation offers, micro-batching included.</summary>
    public static IReadOnlyList<HomeMade> All { get; } =
    [
        new("BullMQ, always", "bullmq.js", QueueIn.Redis, "redis-always.conf", Set("AUTOPIPE=1")),
        new("BullMQ, everysec", "bullmq.js", QueueIn.Redis, "redis-everysec.conf", Set("AUTOPIPE=1")),
        new("graphile-worker", "graphile.js", QueueIn.Postgres, null, Set("RECORD=1")),
        new("graphile-worker, micro-batched", "graphile.js", QueueIn.Postgres, null, Set("BATCHADD=1", "RECORD=1")),
        new("graphile-worker, micro-batched, no attempts kept", "graphile.js", QueueIn.Postgres, null, Set("BATCHADD=1")),
        new("pg-boss", "pgboss.js", QueueIn.Postgres, null, Set()),
    ];

    private static Dictionary<string, string> Set(params IEnumerable<string> settings) =>
        settings.Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
}
