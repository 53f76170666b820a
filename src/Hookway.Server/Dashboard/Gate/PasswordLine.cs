using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Ui;

namespace Hookway.Dashboard.Gate;

/// <summary>Holds forms with a password in a line of bounded length.</summary>
public static class PasswordLine
{
    private const string SecondsToWait = "5";

    /// <summary>The route takes a form with a password: it is not read by the handler until it has a place in the line, and refused when there is none.</summary>
    public static RouteHandlerBuilder TakesPassword(this RouteHandlerBuilder route) => route.AddEndpointFilter(async (context, next) =>
    {
        var http = context.HttpContext;
        // First: who sends slowly waits outside.
        await FormState.Read(http.Request);
        using var place = http.RequestServices.GetRequiredService<Passwords>().Enter();
        if (place is null)
        {
            http.Response.Headers.RetryAfter = SecondsToWait;
            return ProblemPages.Show(http, Problem.Of(
                StatusCodes.Status429TooManyRequests, "too_many_sign_ins", "More people give their passwords at this moment than can be looked at. Go back, and try again in a few seconds."));
        }
        return await next(context);
    });
}
