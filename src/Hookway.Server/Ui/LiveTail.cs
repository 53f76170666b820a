using System.Text.Json;

namespace Hookway.Ui;

/// <summary>A list that shows what is new while it is looked at: server-sent events whose rows are drawn here, so that the script only puts them in.</summary>
public static class LiveTail
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(30);

    /// <summary>The query value that names the newest row that the page shows.</summary>
    private const string Shown = "shown";

    /// <summary>Where a page listens.</summary>
    /// <param name="query">The page's own, with its <c>?</c>; empty for none.</param>
    /// <param name="newest">The newest row that it shows; null for none.</param>
    public static string Url(string path, string query, string? newest) => $"{path}{(query.Length == 0 ? "?" : query + "&")}{Shown}={newest ?? "none"}";

    /// <param name="read">Reads the newest rows, newest first: key, what a row shows in short, and how to draw it. Given what was sent before.</param>
    public static async Task Run(
        HttpContext http, TimeProvider clock, Func<IReadOnlyDictionary<string, string>, Task<List<(string Key, string State, Func<Task<string>> Html)>>> read, CancellationToken over)
    {
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        var started = clock.GetTimestamp();
        var sent = new Dictionary<string, string>(StringComparer.Ordinal);
        // What the page shows already is only noted; what came since it was drawn is new.
        var isNew = http.Request.Query.TryGetValue(Shown, out var shown);
        foreach (var (key, state, _) in await read(sent))
        {
            isNew &= key != shown;
            if (!isNew)
            {
                sent[key] = state;
            }
        }
        try
        {
            await http.Response.WriteAsync("retry: 2000\n\n", over);
            while (clock.GetElapsedTime(started) < Longest)
            {
                await http.Response.Body.FlushAsync(over);
                await Task.Delay(Every, clock, over);
                var rows = await read(sent);
                var changed = rows.Where(row => !sent.TryGetValue(row.Key, out var state) || state != row.State).ToList();
                if (changed.Count == 0)
                {
                    await http.Response.WriteAsync(": still here\n\n", over);
                    continue;
                }
                var html = new List<string>();
                foreach (var row in changed)
                {
                    html.Add(await row.Html());
                }
                sent = rows.ToDictionary(row => row.Key, row => row.State, StringComparer.Ordinal);
                await http.Response.WriteAsync($"event: rows\ndata: {JsonSerializer.Serialize(new { rows = html })}\n\n", over);
            }
        }
        catch (OperationCanceledException)
        {
            // The browser left, or the server stops.
        }
    }
}
