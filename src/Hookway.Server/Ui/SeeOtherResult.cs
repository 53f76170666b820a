namespace Hookway.Ui;

/// <summary>After a write: leads to a page to look at, so that loading it again repeats nothing.</summary>
public sealed class SeeOtherResult(string path) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = path;
        httpContext.Response.Headers.CacheControl = "no-store";
        return Task.CompletedTask;
    }
}
