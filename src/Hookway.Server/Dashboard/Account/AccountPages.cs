using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Dashboard.Gate;
using Hookway.Ui;

namespace Hookway.Dashboard.Account;

/// <summary>What a person does with their own account: name, password, second step, sessions, sign-out.</summary>
public static class AccountPages
{
    private const string NotTheirs = "is not your password, or your account rests for a few minutes after too many attempts";

    public static void MapAccount(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/account", Show);
        routes.MapPost("/account/name", Rename);
        routes.MapPost("/account/password", ChangePassword).TakesPassword();
        routes.MapGet("/account/codes", ShowCodes);
        routes.MapPost("/account/codes", TurnOn).TakesPassword();
        routes.MapPost("/account/codes/off", TurnOff).TakesPassword();
        routes.MapPost("/account/sessions/{sessionId}/end", EndSession);
        routes.MapPost("/sign-out", SignOut);
    }

    private static async Task<IResult> Show(DashboardContext page, SessionStore sessions) => await AccountPage(page, sessions, null);

    private static async Task<IResult> Rename(HttpContext http, DashboardContext page, UserStore users, SessionStore sessions)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        User.CheckName(form.Text("name"), errors);
        if (errors.Any)
        {
            return await AccountPage(page, sessions, form.With(errors));
        }
        await users.SetName(page.Session.User.No, form.Text("name")!);
        return new SeeOtherResult("/account?said=saved");
    }

    private static async Task<IResult> ChangePassword(HttpContext http, DashboardContext page, UserStore users, SessionStore sessions, SignIn signIn, Passwords passwords)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        User.CheckPassword(form.ValueOf("password"), errors);
        if (!await IsTheirs(page, form, signIn))
        {
            errors.Add("current", NotTheirs);
        }
        if (errors.Any)
        {
            return await AccountPage(page, sessions, form.With(errors));
        }
        await users.SetPassword(page.Session.User.No, await passwords.Hash(form.ValueOf("password")!), page.Session.SessionId);
        return new SeeOtherResult("/account?said=password");
    }

    private static IResult ShowCodes(DashboardContext page) =>
        page.Session.User.HasCodes ? Results.Redirect("/account") : CodesPageOf(page, OneTimeCodes.NewSecret(), null);

    private static async Task<IResult> TurnOn(HttpContext http, DashboardContext page, UserStore users, SignIn signIn, TimeProvider clock)
    {
        var form = await FormState.Read(http.Request);
        byte[] secret;
        try
        {
            secret = Convert.FromHexString(form.Text("secret") ?? "");
        }
        catch (FormatException)
        {
            secret = [];
        }
        if (secret.Length != 20 || page.Session.User.HasCodes)
        {
            return Results.Redirect("/account/codes");
        }
        var errors = new FieldErrors();
        if (OneTimeCodes.StepOf(secret, form.Text("code") ?? "", 0, clock.GetUtcNow()) is not { } step)
        {
            errors.Add("code", "is not the code that the app shows now");
            return CodesPageOf(page, secret, form.With(errors));
        }
        if (!await IsTheirs(page, form, signIn))
        {
            errors.Add("current", NotTheirs);
            return CodesPageOf(page, secret, form.With(errors));
        }
        var codes = OneTimeCodes.NewRecoveryCodes();
        await users.SetCodes(page.Session.User.No, secret, step, [.. codes.Select(OneTimeCodes.HashOf)], page.Session.SessionId);
        return PageResult.Of<RecoveryCodesPage>(page, new { Codes = codes });
    }

    private static async Task<IResult> TurnOff(HttpContext http, DashboardContext page, UserStore users, SessionStore sessions, SignIn signIn)
    {
        var form = await FormState.Read(http.Request);
        if (!await IsTheirs(page, form, signIn))
        {
            return await AccountPage(page, sessions, form.With(FieldErrors.Of("current", NotTheirs)));
        }
        await users.SetCodes(page.Session.User.No, null, 0, [], page.Session.SessionId);
        return new SeeOtherResult("/account?said=codes-off");
    }

    private static async Task<IResult> EndSession(string sessionId, DashboardContext page, SessionStore sessions)
    {
        await sessions.End(page.Session.User.No, sessionId);
        return new SeeOtherResult("/account?said=ended");
    }

    private static async Task<IResult> SignOut(HttpContext http, DashboardContext page, SessionStore sessions, PublicAddress address)
    {
        await sessions.End(page.Session.User.No, page.Session.SessionId);
        SessionCookie.Clear(http.Response, address.IsSecure(http.Request));
        return new SeeOtherResult("/sign-in");
    }

    /// <summary>A session alone is not enough to change how one signs in: whoever borrows the browser must not keep the account.</summary>
    private static Task<bool> IsTheirs(DashboardContext page, FormState form, SignIn signIn) => signIn.Confirm(page.Session.User.No, form.ValueOf("current") ?? "");

    private static PageResult CodesPageOf(DashboardContext page, byte[] secret, FormState? form) =>
        PageResult.Of<CodesPage>(page, new { Secret = secret, Form = form }, form is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);

    private static async Task<IResult> AccountPage(DashboardContext page, SessionStore sessions, FormState? form) =>
        PageResult.Of<AccountPage>(page, new { Form = form, Sessions = await sessions.List(page.Session.User) }, form is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
}
