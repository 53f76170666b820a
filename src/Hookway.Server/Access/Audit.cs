using System.Text.Json;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Writes the audit log: each change says what was before and after it, as the API shows such a thing, which is without secrets.</summary>
public static class Audit
{
    /// <param name="action">What was done, such as <c>app.created</c>.</param>
    /// <param name="of">The id of what was changed.</param>
    /// <param name="before">Null when it was not there.</param>
    /// <param name="after">Null when it is gone.</param>
    public static void Record<T>(this ChangedSubjects touched, long workspaceNo, DateTimeOffset at, string action, string of, T? before, T? after) where T : class =>
        touched.Record(new AuditEntry(workspaceNo, at, action, of, Json(before), Json(after)));

    private static string? Json<T>(T? value) where T : class => value is null ? null : JsonSerializer.Serialize(value, ApiJson.Options);
}
