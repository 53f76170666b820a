using System.Text.Json;
using Hookway.Api;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Ui;

/// <summary>
/// Lets pages call the API from inside the process, with the credential of whoever looks at them. A page can therefore see and do what its viewer could over HTTP,
/// by the same routes, checks, limits and errors, and nothing else.
/// </summary>
public sealed class ApiInside
{
    private RequestDelegate? _api;

    /// <summary>Takes the part of the pipeline that answers API requests: all that follows.</summary>
    public RequestDelegate Attach(RequestDelegate next) => _api = next;

    /// <summary>Sends one request.</summary>
    /// <param name="outer">The request of the page.</param>
    /// <param name="credential">Sets the headers that say who calls.</param>
    /// <param name="body">A text is taken as JSON as it is; null for none.</param>
    public async Task<ApiAnswer> Send(HttpContext outer, Action<IHeaderDictionary> credential, HttpMethod method, string pathAndQuery, object? body = null)
    {
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature());
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        using var answer = new MemoryStream();
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer));
        features.Set(outer.Features.Get<IHttpConnectionFeature>());
        var inner = new DefaultHttpContext(features)
        {
            RequestServices = outer.RequestServices,
            TraceIdentifier = outer.TraceIdentifier,
            RequestAborted = outer.RequestAborted,
        };
        var query = pathAndQuery.IndexOf('?', StringComparison.Ordinal);
        inner.Request.Method = method.Method;
        inner.Request.Scheme = outer.Request.Scheme;
        inner.Request.Host = outer.Request.Host;
        inner.Request.Protocol = outer.Request.Protocol;
        inner.Request.Path = PathString.FromUriComponent(query < 0 ? pathAndQuery : pathAndQuery[..query]);
        inner.Request.QueryString = new QueryString(query < 0 ? "" : pathAndQuery[query..]);
        credential(inner.Request.Headers);
        if (body is not null)
        {
            var bytes = body is string json ? System.Text.Encoding.UTF8.GetBytes(json) : JsonSerializer.SerializeToUtf8Bytes(body, ApiJson.Options);
            inner.Request.Body = new MemoryStream(bytes);
            inner.Request.ContentLength = bytes.Length;
            inner.Request.ContentType = "application/json";
        }
        await (_api ?? throw new InvalidOperationException("The API is not there yet."))(inner);
        await inner.Response.CompleteAsync();
        return new ApiAnswer(inner.Response.StatusCode, answer.ToArray());
    }
}

/// <summary>What the API answered.</summary>
public sealed record ApiAnswer(int Status, byte[] Body)
{
    public bool IsGood => Status is >= 200 and < 300;

    /// <summary>The error; null when it is none.</summary>
    public Problem? Problem => IsGood ? null
        : Body.Length > 0 && Body[0] == '{' ? JsonSerializer.Deserialize<Problem>(Body, ApiJson.Options)
        : Problem.Of(Status, "error", "The request was not answered.");

    public T Read<T>() => JsonSerializer.Deserialize<T>(Body, ApiJson.Options)!;

    public JsonElement Json => JsonElement.Parse(Body);
}
