using Hookway.Api;

namespace Hookway.Ui;

/// <summary>Shows errors as pages where people look, and leaves them as JSON where programs do.</summary>
public static class ProblemPages
{
    private static readonly string[] Machines = ["/api/", "/openapi/", "/ingest/", "/healthz", "/readyz", "/metrics", "/assets/", "/docs"];

    /// <summary>The page for an error; null where a program asked.</summary>
    public static IResult? Of(HttpContext http, Problem problem) =>
        http.Request.Headers.Accept.Any(accept => accept?.Contains("text/html", StringComparison.OrdinalIgnoreCase) is true)
        && !Machines.Any(start => http.Request.Path.StartsWithSegments(start.TrimEnd('/'), StringComparison.OrdinalIgnoreCase))
            ? Show(http, problem) : null;

    /// <summary>The page for an error, whatever the viewer accepts.</summary>
    public static IResult Show(HttpContext http, Problem problem)
    {
        var framed = http.Request.Path.StartsWithSegments("/portal");
        var context = http.Features.Get<FaceContext>() ?? new FaceContext(
            http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(), null, framed ? "auto" : FaceContext.ThemeOf(http.Request),
            http.Request.Path, http.Request.QueryString.Value ?? "", [], MayBeFramed: framed);
        return PageResult.Of<ProblemPage>(context, new { Problem = problem, RequestId = http.TraceIdentifier }, problem.Status);
    }
}
