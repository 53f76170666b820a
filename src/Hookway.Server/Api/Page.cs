using System.Globalization;
using Hookway.Storage;

namespace Hookway.Api;

/// <summary>One page of a list.</summary>
/// <param name="Data">The items, newest first unless the operation says otherwise.</param>
/// <param name="NextCursor">
/// Give it as <c>cursor</c> for the next page; null on the last. A page looks at a bounded number of items: where few pass the filters it may hold few or none and
/// still have a nextCursor.
/// </param>
public sealed record Page<T>(IReadOnlyList<T> Data, string? NextCursor);

/// <summary>Which page a caller asked for: <c>limit</c> items after <c>cursor</c>.</summary>
/// <param name="Limit">1 to 250.</param>
/// <param name="After">The key of the last item already seen; null for the first page.</param>
/// <param name="Cursors">Makes the cursor of the next page.</param>
public sealed record PageRequest(string List, int Limit, long? After, Cursor Cursors)
{
    public const int DefaultLimit = 50;
    public const int MostItems = 250;

    /// <summary>The key to read below in a list that runs newest first.</summary>
    public long Before => After ?? long.MaxValue;

    /// <summary>The number of rows to read: one more than shown, which tells whether there is a next page.</summary>
    public int Rows => Limit + 1;

    /// <summary>Reads <c>limit</c> and <c>cursor</c> from the query; errors are added by name.</summary>
    public static PageRequest From(HttpRequest request, string list, FieldErrors errors)
    {
        var limit = DefaultLimit;
        if (request.Text("limit") is { } limitText
            && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostItems))
        {
            errors.Add("limit", $"must be a whole number from 1 to {MostItems}");
        }
        long? after = null;
        var cursors = new Cursor(request.HttpContext.RequestServices.GetRequiredService<SecretProtector>());
        if (request.Text("cursor") is { } cursor)
        {
            if (cursors.TryDecode(list, cursor, out var position))
            {
                after = position;
            }
            else
            {
                errors.Add("cursor", "is not a cursor of this list");
            }
        }
        return new PageRequest(list, limit, after, cursors);
    }

    /// <summary>Makes the page of rows read with <see cref="Rows"/> as their limit.</summary>
    public Page<TItem> Of<TRow, TItem>(IReadOnlyList<TRow> rows, Func<TRow, long> key, Func<TRow, TItem> item) => new(
        rows.Take(Limit).Select(item).ToList(),
        rows.Count > Limit ? Cursors.Encode(List, key(rows[Limit - 1])) : null);

    /// <summary>The same for a bounded read, which may stop before the page is full: then the next page goes on where it stopped.</summary>
    public Page<TItem> Of<TRow, TItem>(Found<TRow> found, Func<TRow, long> key, Func<TRow, TItem> item) =>
        found.Rows.Count <= Limit && found.SearchedTo is { } at
            ? new(found.Rows.Select(item).ToList(), Cursors.Encode(List, at))
            : Of(found.Rows, key, item);
}

/// <summary>Reads filters from the query string.</summary>
public static class QueryFilters
{
    /// <summary>An optional RFC 3339 time, in Unix milliseconds.</summary>
    public static long? Time(this HttpRequest request, string name, FieldErrors errors)
    {
        if (request.Text(name) is not { } text)
        {
            return null;
        }
        // "+" in an unescaped offset arrives as a space.
        if (Times.TryParse(text.Replace(' ', '+'), out var time))
        {
            return time.ToUnixTimeMilliseconds();
        }
        errors.Add(name, "must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z");
        return null;
    }

    /// <summary>An optional <c>true</c> or <c>false</c>.</summary>
    public static bool? Flag(this HttpRequest request, string name, FieldErrors errors)
    {
        if (request.Text(name) is not { } text)
        {
            return null;
        }
        if (bool.TryParse(text, out var flag))
        {
            return flag;
        }
        errors.Add(name, "must be true or false");
        return null;
    }

    /// <summary>An optional text; blank counts as absent.</summary>
    public static string? Text(this HttpRequest request, string name) => request.Query[name] is [{ Length: > 0 } text, ..] ? text : null;
}
