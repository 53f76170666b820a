using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;

namespace Hookway.Storage;

/// <summary>
/// In-memory views of configuration (keys, apps, recipients, targets), each dropped exactly when something behind it changes.
/// Every change names its subjects in the table <c>configuration_changes</c>, in the transaction that makes it. The writer reads what is new there at the start of
/// each batch of accepts, so that an accept never commits on a stale view, whichever process made the change; other requests read it before they begin.
/// </summary>
public sealed class Configuration
{
    /// <summary>Of lanes that count configuration changes, and so wait for each other from there to their commits.</summary>
    public const int LaneOrder = 2;

    private const int MostViews = 200_000;
    private const int MostChanges = 200_000;
    private const int TrimmedPerChange = 2;

    private static readonly RowStatement InsertChange = new(
        "INSERT INTO configuration_changes (seq, subject) SELECT v.seq, v.subject FROM {rows}", RowStatement.Number("seq"), RowStatement.Text("subject"));

    private static readonly RowStatement InsertEntry = new(
        """
        INSERT INTO audit_log (workspace_no, at, actor, actor_name, action, object, old_value, new_value, request_id)
        SELECT v.workspace, v.at, v.actor, v.actor_name, v.action, v.object, v.old_value, v.new_value, v.request FROM {rows}
        """,
        RowStatement.Number("workspace"), RowStatement.Number("at"), RowStatement.Text("actor"), RowStatement.Text("actor_name"), RowStatement.Text("action"),
        RowStatement.Text("object"), RowStatement.Text("old_value"), RowStatement.Text("new_value"), RowStatement.Text("request"));

    /// <summary>The changes that are kept for readers to catch up with; one that is further behind forgets all its views.</summary>
    public const int KeptChanges = 100_000;

    /// <summary>The changes that are read at once; one that is further behind forgets all its views.</summary>
    private const int MostNews = 5_000;

    private const string News = "SELECT seq, subject FROM configuration_changes WHERE seq > @applied ORDER BY seq LIMIT @most";
    private const string LastChange = "SELECT value FROM configuration_counter";
    private static readonly RowStatement LastChangeStatement = new(LastChange);

    private readonly Database database;
    private readonly SharedLook _looks;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, object> _views = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _changedAt = new(StringComparer.Ordinal);
    private long _applied;
    private long _seen;
    private long _forgotten;
    private long _drops;

    public Configuration(Database database)
    {
        this.database = database;
        _looks = new SharedLook(Look);
    }

    /// <summary>Tells of each subject that changed, after the commit.</summary>
    public event Action<string>? Changed;

    /// <summary>The last change that all views reflect. Read it before the views of one decision, and give it to <see cref="IsStale"/>.</summary>
    public long Version => Volatile.Read(ref _applied);

    /// <summary>The view of a subject, from memory or loaded. A view that is null is not kept.</summary>
    public async ValueTask<T?> View<T>(string subject, Func<DbConnection, Task<T?>> load) where T : class
    {
        if (_views.TryGetValue(subject, out var kept))
        {
            return (T)kept;
        }
        var drops = Volatile.Read(ref _drops);
        var view = await database.Read(load);
        if (view is not null)
        {
            lock (_gate)
            {
                // A change that landed while this was read may not be in it: use it once, keep it not.
                if (_drops == drops)
                {
                    if (_views.Count >= MostViews)
                    {
                        _views.Clear();
                    }
                    _views[subject] = view;
                }
            }
        }
        return view;
    }

    /// <summary>
    /// Makes a change: <paramref name="work"/> writes, names the subjects it touched and records what the audit log is to say. Views are dropped before the task completes.
    /// </summary>
    /// <exception cref="InvalidOperationException">It touched something and recorded nothing.</exception>
    public Task<T> Change<T>(Actor by, Func<WriteSession, ChangedSubjects, Task<T>> work) => Change(by, mustBeRecorded: true, work);

    /// <summary>What is not anyone's change of a workspace: the rest of one that was recorded, or a person's own account.</summary>
    public Task<T> ChangeUnrecorded<T>(Func<WriteSession, ChangedSubjects, Task<T>> work) => Change(Actor.System, mustBeRecorded: false, work);

    private Task<T> Change<T>(Actor by, bool mustBeRecorded, Func<WriteSession, ChangedSubjects, Task<T>> work)
    {
        ChangedSubjects touched = new(by);
        return database.Write(new WriteLane<int, T>(
            "configuration",
            async (session, _) =>
            {
                touched = new ChangedSubjects(by);
                var result = await work(session, touched);
                if (mustBeRecorded && touched is { Subjects.Count: > 0, Entries.Count: 0 })
                {
                    throw new InvalidOperationException($"The change of {touched.Subjects.Keys.First()} is not in the audit log.");
                }
                await Append(session, touched);
                return [result];
            },
            (_, _) => Drop(touched.Subjects),
            order: LaneOrder), 0);
    }

    /// <summary>Stores what a write of another lane touched and recorded; call <see cref="Drop"/> with the subjects after its commit.</summary>
    public static async Task Append(WriteSession session, ChangedSubjects touched)
    {
        if (touched.Subjects.Count > 0 && session.Owners is { } owners)
        {
            await owners.Reconfigure(session, touched.Subjects.Keys);
        }
        if (touched.Entries.Count > 0)
        {
            await session.ForEach(InsertEntry, touched.Entries.ConvertAll(entry => new object?[]
            {
                entry.WorkspaceNo, entry.At.ToUnixTimeMilliseconds(), touched.By.Id, touched.By.Name, entry.Action, entry.ObjectId, entry.Before, entry.After, touched.By.RequestId,
            }));
        }
        if (touched.Subjects.Count == 0)
        {
            return;
        }
        var subjects = touched.Subjects.Keys.ToList();
        var last = (long)(await session.Prepared("UPDATE configuration_counter SET value = value + @count RETURNING value", "@count").With((long)subjects.Count).Scalar())!;
        for (var i = 0; i < subjects.Count; i++)
        {
            touched.Subjects[subjects[i]] = last - subjects.Count + 1 + i;
        }
        await session.ForEach(InsertChange, subjects.ConvertAll(subject => new object?[] { touched.Subjects[subject], subject }));
        if (last > KeptChanges)
        {
            // Each new row pays for two old ones, so the table needs no sweep of its own.
            await session.Prepared(
                "DELETE FROM configuration_changes WHERE seq IN (SELECT seq FROM configuration_changes WHERE seq <= @old ORDER BY seq LIMIT @most)",
                "@old", "@most").With(last - KeptChanges, (long)touched.Subjects.Count * TrimmedPerChange).Execute();
        }
    }

    /// <summary>Forgets the views of changed subjects (subject → sequence of the change).</summary>
    public void Drop(IReadOnlyDictionary<string, long> subjects)
    {
        if (subjects.Count == 0)
        {
            return;
        }
        lock (_gate)
        {
            _drops++;
            foreach (var (subject, seq) in subjects)
            {
                _views.TryRemove(subject, out _);
                _changedAt[subject] = seq;
            }
            if (_changedAt.Count > MostChanges)
            {
                // What is forgotten here counts as changed: a decision that old is made again.
                Volatile.Write(ref _forgotten, _changedAt.Values.Max());
                _changedAt.Clear();
            }
        }
        foreach (var subject in subjects.Keys)
        {
            Changed?.Invoke(subject);
        }
    }

    /// <summary>Forgets every view: what changed up to <paramref name="last"/> is not known any more, so everything counts as changed.</summary>
    private void DropAll(long last)
    {
        List<string> subjects;
        lock (_gate)
        {
            _drops++;
            subjects = [.. _views.Keys];
            _views.Clear();
            _changedAt.Clear();
            Volatile.Write(ref _forgotten, last);
        }
        subjects.ForEach(subject => Changed?.Invoke(subject));
    }

    /// <summary>
    /// Before a request that will not be judged in a transaction: takes in every change that was answered before this call, on whichever node or by whichever command it was
    /// made. Requests that come together share one small read.
    /// </summary>
    /// <exception cref="StorageUnavailableException">Nobody can say what has changed.</exception>
    public Task CatchUp() => _looks.Take();

    private async Task Look()
    {
        var applied = Version;
        var (news, last) = await database.Read<(List<(long, string)>, long)>(async connection =>
        {
            var found = await FindNews(connection, applied);
            return (found, found.Count == MostNews ? await connection.ExecuteScalarAsync<long>(LastChange) : found is [.., var (seq, _)] ? seq : applied);
        });
        TakeIn(news, applied, last);
        Advance(last);
    }

    /// <summary>
    /// On the writer, before accepts are judged: takes in what other writers and processes changed since the last time. Some of it may be in this very
    /// transaction, so the version moves on only when <see cref="CaughtUp"/> says that it was committed.
    /// </summary>
    /// <param name="beside">What is asked of the store together with it: reads that no configuration decides.</param>
    public async Task CatchUp(WriteSession session, Func<Task>? beside = null)
    {
        var applied = Version;
        await session.Ask(LastChangeStatement, [], last => _seen = last!.Value);
        if (beside is not null)
        {
            await beside();
        }
        await session.Flush();
        if (_seen > applied)
        {
            TakeIn(await FindNews(session.Connection, applied), applied, _seen);
        }
    }

    private static async Task<List<(long Seq, string Subject)>> FindNews(DbConnection connection, long applied) =>
        (await connection.QueryAsync<(long Seq, string Subject)>(News, new { applied, most = MostNews })).AsList();

    /// <summary>Numbers are given without gaps and become visible in order: when some are missing, they were trimmed, or are too many, and everything counts as changed.</summary>
    private void TakeIn(List<(long Seq, string Subject)> news, long applied, long last)
    {
        if (news.Count < last - applied)
        {
            DropAll(last);
        }
        var subjects = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (seq, subject) in news)
        {
            subjects[subject] = seq;
        }
        Drop(subjects);
    }

    /// <summary>On the writer, after the commit of the transaction in which <see cref="CatchUp(WriteSession, Func{Task})"/> was called.</summary>
    public void CaughtUp() => Advance(_seen);

    private void Advance(long last)
    {
        lock (_gate)
        {
            _applied = Math.Max(_applied, last);
        }
    }

    /// <summary>Starts from what is in the store now: what was changed before this process began is in no view.</summary>
    public async Task Start() =>
        Volatile.Write(ref _applied, await database.Read(connection =>
            connection.ExecuteScalarAsync<long>("SELECT value FROM configuration_counter")));

    /// <summary>Whether the subject changed after the version at which a decision read it.</summary>
    public bool IsStale(string subject, long version) =>
        (_changedAt.TryGetValue(subject, out var changed) && changed > version) || Volatile.Read(ref _forgotten) > version;
}

/// <summary>The subjects that one change touches, such as <c>app:app_…</c>, and what the audit log says of it.</summary>
/// <param name="by">Who makes it; the server itself when null.</param>
public sealed class ChangedSubjects(Actor? by = null)
{
    internal Dictionary<string, long> Subjects { get; } = new(StringComparer.Ordinal);
    internal List<AuditEntry> Entries { get; } = [];

    public Actor By { get; } = by ?? Actor.System;

    public void Add(string subject) => Subjects[subject] = 0;

    /// <summary>Writes an entry of the audit log, in the same transaction.</summary>
    public void Record(AuditEntry entry) => Entries.Add(entry);
}

/// <summary>What the audit log keeps of a change, beside who made it.</summary>
/// <param name="Action">What was done, such as <c>app.created</c>.</param>
/// <param name="ObjectId">The id of what was changed.</param>
/// <param name="Before">As JSON without secrets; null when it was not there.</param>
/// <param name="After">As JSON without secrets; null when it is gone.</param>
public sealed record AuditEntry(long WorkspaceNo, DateTimeOffset At, string Action, string ObjectId, string? Before, string? After);
