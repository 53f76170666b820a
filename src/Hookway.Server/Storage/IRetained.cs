namespace Hookway.Storage;

/// <summary>A kind of history that is kept for a time and then removed: by whoever it belongs to, in steps through a <see cref="PacedWriter"/>.</summary>
public interface IRetained
{
    /// <summary>Removes what has been kept long enough; answers how many of its items went. Safe to end at any step and to begin again, also on two servers at once.</summary>
    Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop);
}

/// <summary>Until when history of each workspace has been kept long enough.</summary>
/// <param name="Now">The time at which they were made.</param>
/// <param name="Days">For how long each workspace, by its number, keeps history.</param>
public sealed record RetentionCutoffs(DateTimeOffset Now, IReadOnlyDictionary<long, int> Days)
{
    /// <summary>The workspaces that keep history for the same time, with the end of what has been kept long enough.</summary>
    public IReadOnlyList<RetentionClass> Classes { get; } =
        [.. Days.GroupBy(workspace => workspace.Value, workspace => workspace.Key).Select(same => new RetentionClass(same.Key, Now.AddDays(-same.Key), same.ToHashSet()))];
}

/// <summary>Workspaces that keep history for the same time.</summary>
/// <param name="Before">What is older has been kept long enough.</param>
/// <param name="Workspaces">Their numbers.</param>
public sealed record RetentionClass(int Days, DateTimeOffset Before, IReadOnlySet<long> Workspaces);
