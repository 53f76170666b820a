using System.Diagnostics.CodeAnalysis;
using Hookway.Api;

namespace Hookway.Ui;

/// <summary>The API as the viewer of one page may use it.</summary>
/// <param name="credential">Sets the headers that say who calls.</param>
public sealed class PageApi(HttpContext http, Action<IHeaderDictionary> credential)
{
    private readonly ApiInside _inside = http.RequestServices.GetRequiredService<ApiInside>();

    /// <summary>Reads what a route shows.</summary>
    public async Task<ApiResult<T>> Get<T>(string pathAndQuery) where T : class
    {
        var answer = await Send(HttpMethod.Get, pathAndQuery);
        return new ApiResult<T>(answer.IsGood ? answer.Read<T>() : null, answer.Problem);
    }

    public Task<ApiAnswer> Post(string path, object? body = null) => Send(HttpMethod.Post, path, body ?? new { });

    public Task<ApiAnswer> Put(string path, object body) => Send(HttpMethod.Put, path, body);

    public Task<ApiAnswer> Patch(string path, object body) => Send(HttpMethod.Patch, path, body);

    public Task<ApiAnswer> Delete(string path) => Send(HttpMethod.Delete, path);

    public Task<ApiAnswer> Send(HttpMethod method, string pathAndQuery, object? body = null) => _inside.Send(http, credential, method, pathAndQuery, body);

    /// <summary>A path with each part escaped: ids of callers may hold what a path must not.</summary>
    public static string Path(params ReadOnlySpan<string> parts)
    {
        var path = new System.Text.StringBuilder("/api/v1");
        foreach (var part in parts)
        {
            path.Append('/').Append(Uri.EscapeDataString(part));
        }
        return path.ToString();
    }

    /// <summary>A path with a query of what is not null.</summary>
    public static string Query(string path, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var url = path;
        foreach (var (name, value) in query)
        {
            if (!string.IsNullOrEmpty(value))
            {
                url = Microsoft.AspNetCore.WebUtilities.QueryHelpers.AddQueryString(url, name, value);
            }
        }
        return url;
    }
}

/// <summary>What a route showed, or why it did not.</summary>
public sealed record ApiResult<T>(T? Value, Problem? Problem) where T : class
{
    /// <summary>Takes the result apart; true when there is a problem.</summary>
    public bool Failed([NotNullWhen(false)] out T? value, [NotNullWhen(true)] out Problem? problem)
    {
        value = Value;
        problem = Problem;
        return value is null;
    }
}
