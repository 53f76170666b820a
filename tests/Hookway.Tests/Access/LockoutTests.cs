using Dapper;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>However passwords are guessed, no more than a few are judged before the account rests.</summary>
public class LockoutTests
{
    private const string Ada = "ada@example.com";
    private static readonly (string, string?)[] Right = [("email", Ada), ("password", PageClient.Password)];

    [Fact]
    public async Task Guesses_that_are_sent_at_once_are_counted_before_they_are_judged()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: Ada);
        var signIn = server.Services.GetRequiredService<SignIn>();

        var guesses = Enumerable.Range(0, SignIn.MostFailures).Select(i => signIn.Password(Ada, $"guess {i}")).ToList();
        var lucky = await signIn.Password(Ada, PageClient.Password);

        lucky.ShouldBe(new SignInResult(null, null));
        (await Task.WhenAll(guesses)).ShouldAllBe(result => result.User == null);
        clock.Advance(SignIn.LockTime);
        (await signIn.Password(Ada, PageClient.Password)).User.ShouldNotBeNull();
        (await UserOf(server)).Failures.ShouldBe(0);
    }

    [Fact]
    public async Task Codes_that_are_sent_at_once_are_counted_before_they_are_judged()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: Ada);
        var secret = OneTimeCodes.NewSecret();
        await server.Services.GetRequiredService<UserStore>().SetCodes((await UserOf(server)).No, secret, 0, [], null);
        var signIn = server.Services.GetRequiredService<SignIn>();
        var ticket = (await signIn.Password(Ada, PageClient.Password)).Ticket!;

        // A ticket is shown once for each right password, and none of them makes the count begin anew.
        var guesses = new List<Task<SignInResult>>();
        for (var i = 0; i < SignIn.MostFailures; i++)
        {
            (await signIn.Password(Ada, PageClient.Password)).Ticket.ShouldNotBeNull();
            guesses.Add(signIn.Code(ticket, "12345"));
        }
        await TestServer.Until(async () => (await UserOf(server)).Failures == SignIn.MostFailures);
        var lucky = await signIn.Code(ticket, OneTimeCodes.CodeAt(secret, clock.GetUtcNow()));

        lucky.ShouldBe(new SignInResult(null, null));
        await Task.WhenAll(guesses);
        clock.Advance(SignIn.LockTime);
        (await signIn.Code((await signIn.Password(Ada, PageClient.Password)).Ticket!, OneTimeCodes.CodeAt(secret, clock.GetUtcNow()))).User.ShouldNotBeNull();
    }

    [Fact]
    public async Task Whoever_borrows_a_browser_guesses_no_further_than_at_the_door()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: Ada);
        string[] forms = ["/account/password", "/account/codes/off", "/account/password", "/account/codes/off", "/account/password"];
        foreach (var form in forms)
        {
            // One that is right in between is no failure, and makes none undone.
            (await browser.Post(form, ("current", "wrong"), ("password", "another long password"))).Expect(400);
        }

        (await browser.Post("/account/password", ("current", PageClient.Password), ("password", "another long password"))).Expect(400).Text.ShouldContain("rests for a few minutes");
        using var door = new PageClient(server);
        (await door.Post("/sign-in", Right)).Expect(401);
        clock.Advance(SignIn.LockTime);
        (await browser.Post("/account/password", ("current", "wrong"), ("password", "another long password"))).Expect(400);
        (await browser.Post("/account/codes/off", ("current", PageClient.Password))).Expect(303);
        (await UserOf(server)).Failures.ShouldBe(1);
        (await browser.Post("/account/password", ("current", PageClient.Password), ("password", "another long password"))).Expect(303);
        (await door.Post("/sign-in", ("email", Ada), ("password", "another long password"))).Expect(303);
    }

    [Fact]
    public async Task An_address_that_is_nobodys_or_locked_costs_the_write_that_anyones_costs()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: Ada);
        var signIn = server.Services.GetRequiredService<SignIn>();
        async Task<long> Written() => await server.Services.GetRequiredService<Database>().Read(connection =>
            connection.ExecuteScalarAsync<long>("SELECT coalesce((SELECT sum(tries) FROM unknown_sign_ins), 0) + (SELECT sum(failures) FROM users)"));
        for (var i = 1; i <= SignIn.MostFailures; i++)
        {
            await signIn.Password("bob@example.com", "wrong");
            (await Written()).ShouldBe((2 * i) - 1);
            await signIn.Password(Ada, "wrong");
            (await Written()).ShouldBe(2 * i);
        }
        await signIn.Password(Ada, "wrong");
        (await Written()).ShouldBe((2 * SignIn.MostFailures) + 1);
    }

    [Fact]
    public async Task Whoever_finds_the_line_of_passwords_full_is_told_to_come_again_and_nothing_is_counted()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: Ada);
        var invitation = (await server.Post("/api/v1/members/invitations", new { email = "eve@example.com", role = "viewer" })).Expect(201).Text("url");
        var passwords = server.Services.GetRequiredService<Passwords>();
        var line = new List<IDisposable>();
        while (passwords.Enter() is { } place)
        {
            line.Add(place);
        }
        line.Count.ShouldBe(Passwords.MostInLine);
        using var door = new PageClient(server);
        string[] forms = ["/sign-in", new Uri(invitation).AbsolutePath, "/set-up/x", "/reset-password/x"];
        foreach (var form in forms)
        {
            (await door.Post(form, ("email", Ada), ("password", "wrong"))).Expect(429).Headers["Retry-After"].ShouldBe("5");
        }
        string[] own = ["/account/password", "/account/codes", "/account/codes/off"];
        foreach (var form in own)
        {
            (await browser.Post(form, ("current", "wrong"))).Expect(429);
        }
        (await UserOf(server)).Failures.ShouldBe(0);

        line[0].Dispose();
        line[0].Dispose();
        (await door.Post("/sign-in", Right)).Expect(303);
        (await door.Post("/sign-in", Right)).Expect(303);
    }

    private static async Task<User> UserOf(TestServer server) => (await server.Services.GetRequiredService<UserStore>().FindByEmail(Ada))!;
}
