using Hookway.Access;
using Hookway.Access.Mails;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Ui;

namespace Hookway.Dashboard.Gate;

/// <summary>The ways in and out: sign-in in one or two steps, sign-out, set-up, invitations, password reset.</summary>
public static class GatePages
{
    public static void MapGate(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", Start);
        routes.MapGet("/sign-in", ShowSignIn);
        routes.MapPost("/sign-in", DoSignIn).TakesPassword();
        routes.MapPost("/sign-in/code", DoCode);
        routes.MapGet("/set-up/{token}", ShowSetUp);
        routes.MapPost("/set-up/{token}", DoSetUp).TakesPassword();
        routes.MapGet("/join/{token}", ShowJoin);
        routes.MapPost("/join/{token}", DoJoin).TakesPassword();
        routes.MapGet("/reset-password/{token}", ShowReset);
        routes.MapPost("/reset-password/{token}", DoReset).TakesPassword();
        routes.MapGet("/forgotten-password", ShowForgotten);
        routes.MapPost("/forgotten-password", AskForReset);
        routes.MapPost("/theme", KeepTheme);
    }

    private static async Task<IResult> Start(HttpContext http, SessionCaller sessions) =>
        await sessions.SessionOf(http.Request) is not { } session ? Results.Redirect("/sign-in")
        : session.Memberships is [var first, ..] ? Results.Redirect("/w/" + first.Workspace.WorkspaceId)
        : Results.Redirect("/account");

    private static async Task<IResult> ShowSignIn(HttpContext http, SessionCaller sessions)
    {
        var back = BackOf(http.Request.Query["return"]);
        return await sessions.SessionOf(http.Request) is null
            ? Page<SignInPage>(http, new { Form = (FormState?)null, Back = back, Said = (string?)http.Request.Query["said"] })
            : Results.Redirect(back ?? "/");
    }

    private static async Task<IResult> DoSignIn(HttpContext http, SignIn signIn, SessionStore sessions, PublicAddress address)
    {
        var form = await FormState.Read(http.Request);
        var back = BackOf(form.Text("return"));
        var result = await signIn.Password(form.Text("email") ?? "", form.ValueOf("password") ?? "");
        if (result.Ticket is { } ticket)
        {
            return Page<CodePage>(http, new { Ticket = ticket, Back = back, Form = (FormState?)null });
        }
        return result.User is { } user
            ? await LetIn(http, user, sessions, address, back ?? "/")
            : Page<SignInPage>(http, new { Form = form.With(Refused), Back = back, Said = (string?)null }, StatusCodes.Status401Unauthorized);
    }

    private static async Task<IResult> DoCode(HttpContext http, SignIn signIn, SessionStore sessions, PublicAddress address)
    {
        var form = await FormState.Read(http.Request);
        var back = BackOf(form.Text("return"));
        var result = await signIn.Code(form.Text("ticket") ?? "", form.Text("code") ?? "");
        return result.User is { } user ? await LetIn(http, user, sessions, address, back ?? "/")
            : result.Ticket is { } ticket
                ? Page<CodePage>(http, new { Ticket = ticket, Back = back, Form = form.With(Problem.Unauthorized("This code is not right, or was used before.")) }, StatusCodes.Status401Unauthorized)
                : Page<SignInPage>(http, new { Form = form.With(Refused), Back = back, Said = (string?)null }, StatusCodes.Status401Unauthorized);
    }

    private static async Task<IResult> ShowSetUp(string token, HttpContext http, AccessLinkStore links, MemberStore members, WorkspaceStore workspaces, SessionCaller sessions) =>
        await links.Find(AccessLink.SetUp, token) is { WorkspaceNo: { } workspaceNo } && !await members.HasOwner(workspaceNo)
            ? Page<SetUpPage>(http, new { Token = token, Form = (FormState?)null, User = (await sessions.SessionOf(http.Request))?.User })
            : Over(http);

    private static async Task<IResult> DoSetUp(
        string token, HttpContext http, AccessLinkStore links, UserStore users, Joining joining, SessionStore sessions, SessionCaller caller, PublicAddress address)
    {
        if (await links.Find(AccessLink.SetUp, token) is null)
        {
            return Over(http);
        }
        var form = await FormState.Read(http.Request);
        if (form.Has("asMe") && await caller.SessionOf(http.Request) is { } me)
        {
            return await joining.Accept(AccessLink.SetUp, token, me.User) is null ? Over(http) : Results.Redirect("/");
        }
        var errors = new FieldErrors();
        if (form.Text("workspace") is null or { Length: > 100 })
        {
            errors.Add("workspace", "is required, at most 100 characters");
        }
        CheckPerson(form, errors, withEmail: true);
        if (!errors.Any && await users.FindByEmail(form.Text("email")!) is not null)
        {
            errors.Add("email", "has an account already: sign in first, then open this link again");
        }
        if (errors.Any)
        {
            return Page<SetUpPage>(http, new { Token = token, Form = form.With(errors), User = (User?)null }, StatusCodes.Status400BadRequest);
        }
        return await joining.SetUp(token, form.Text("workspace")!, form.Text("email")!, form.Text("name")!, form.ValueOf("password")!) is { } user
            ? await LetIn(http, user, sessions, address, "/") : Over(http);
    }

    private static async Task<IResult> ShowJoin(string token, HttpContext http, AccessLinkStore links, UserStore users, WorkspaceStore workspaces, SessionCaller sessions) =>
        await JoinPageOf(token, http, links, users, workspaces, sessions, null, StatusCodes.Status200OK);

    private static async Task<IResult> DoJoin(
        string token, HttpContext http, AccessLinkStore links, UserStore users, WorkspaceStore workspaces, Joining joining, SessionStore sessions, SessionCaller caller, PublicAddress address)
    {
        if (await links.Find(AccessLink.Invitation, token) is not { } link)
        {
            return Over(http);
        }
        if (await caller.SessionOf(http.Request) is { } me && me.User.Email == link.Email)
        {
            return await joining.Accept(AccessLink.Invitation, token, me.User) is null ? Over(http) : Results.Redirect("/");
        }
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        CheckPerson(form, errors, withEmail: false);
        if (errors.Any)
        {
            return await JoinPageOf(token, http, links, users, workspaces, caller, form.With(errors), StatusCodes.Status400BadRequest);
        }
        return await joining.Accept(token, form.Text("name")!, form.ValueOf("password")!) is { } user ? await LetIn(http, user, sessions, address, "/") : Over(http);
    }

    private static async Task<IResult> JoinPageOf(
        string token, HttpContext http, AccessLinkStore links, UserStore users, WorkspaceStore workspaces, SessionCaller sessions, FormState? form, int status)
    {
        if (await links.Find(AccessLink.Invitation, token) is not { } link || await workspaces.Find(link.WorkspaceNo!.Value) is not { } workspace)
        {
            return Over(http);
        }
        return Page<JoinPage>(http, new
        {
            Token = token, Form = form, Link = link, Workspace = workspace,
            HasAccount = await users.FindByEmail(link.Email!) is not null,
            Viewer = (await sessions.SessionOf(http.Request))?.User,
        }, status);
    }

    private static async Task<IResult> ShowReset(string token, HttpContext http, AccessLinkStore links) =>
        await links.Find(AccessLink.Reset, token) is { } link ? Page<ResetPage>(http, new { Token = token, link.Email, Form = (FormState?)null }) : Over(http);

    private static async Task<IResult> DoReset(string token, HttpContext http, AccessLinkStore links, Joining joining)
    {
        if (await links.Find(AccessLink.Reset, token) is not { } link)
        {
            return Over(http);
        }
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        User.CheckPassword(form.ValueOf("password"), errors);
        if (errors.Any)
        {
            return Page<ResetPage>(http, new { Token = token, link.Email, Form = form.With(errors) }, StatusCodes.Status400BadRequest);
        }
        return await joining.Reset(token, form.ValueOf("password")!) is null ? Over(http) : Results.Redirect("/sign-in?said=reset");
    }

    private static PageResult ShowForgotten(HttpContext http) => Page<ForgottenPage>(http, new { Form = (FormState?)null, IsAsked = false });

    /// <summary>Says the same whoever asks for whom: whether anybody has this address is nobody's business.</summary>
    private static async Task<IResult> AskForReset(HttpContext http, ResetMails mails)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        User.CheckEmail(form.Text("email"), errors);
        if (errors.Any)
        {
            return Page<ForgottenPage>(http, new { Form = form.With(errors), IsAsked = false }, StatusCodes.Status400BadRequest);
        }
        return mails.Ask(form.Text("email")!) ? Page<ForgottenPage>(http, new { Form = (FormState?)null, IsAsked = true })
            : ProblemPages.Show(http, Problem.Of(StatusCodes.Status503ServiceUnavailable, "no_mail", "No mail can be sent now. Whoever runs this server can give you a link that sets a new password."));
    }

    private static async Task<IResult> KeepTheme(HttpContext http, PublicAddress address)
    {
        var form = await FormState.Read(http.Request);
        FaceContext.KeepTheme(http.Response, form.Text("theme") is "light" or "dark" ? form.Text("theme")! : "auto", address.IsSecure(http.Request));
        return SeeOther(BackOf(form.Text("return")) ?? "/");
    }

    /// <summary>Begins a session under a new token: one that was there before, whoever planted it, ends.</summary>
    private static async Task<IResult> LetIn(HttpContext http, User user, SessionStore sessions, PublicAddress address, string to)
    {
        if (SessionCookie.Of(http.Request) is { } old && await sessions.View(old) is { } before)
        {
            await sessions.End(before.User.No, before.SessionId);
        }
        var token = await sessions.Open(user.No, http.Request.Headers.UserAgent.ToString(), http.Connection.RemoteIpAddress?.ToString() ?? "");
        SessionCookie.Set(http.Response, token, address.IsSecure(http.Request));
        return SeeOther(to);
    }

    private static void CheckPerson(FormState form, FieldErrors errors, bool withEmail)
    {
        if (withEmail)
        {
            User.CheckEmail(form.Text("email"), errors);
        }
        User.CheckName(form.Text("name"), errors);
        User.CheckPassword(form.ValueOf("password"), errors);
    }

    private static Problem Refused => Problem.Unauthorized("The e-mail address or the password is not right, or the account rests for a few minutes after too many attempts.");

    private static IResult Over(HttpContext http) => ProblemPages.Show(http, Problem.Of(
        StatusCodes.Status404NotFound, "link_over", "This link was used, has expired, or never was. Ask whoever gave it to you for a new one."));

    /// <summary>Where to go afterwards: a page of ours, never another site's. Browsers take a backslash for a slash, and leave out tabs and breaks wherever they stand.</summary>
    private static string? BackOf(string? path) =>
        path is ['/', ..] and not ['/', '/', ..] && !path.AsSpan().ContainsAnyExceptInRange('!', '~') && !path.Contains('\\', StringComparison.Ordinal) ? path : null;

    private static SeeOtherResult SeeOther(string path) => new(path);

    private static PageResult Page<TPage>(HttpContext http, object parameters, int status = StatusCodes.Status200OK) where TPage : Microsoft.AspNetCore.Components.IComponent =>
        PageResult.Of<TPage>(
            new FaceContext(
                http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(), null, FaceContext.ThemeOf(http.Request), http.Request.Path, http.Request.QueryString.Value ?? "", [], MayBeFramed: false),
            parameters, status);
}
