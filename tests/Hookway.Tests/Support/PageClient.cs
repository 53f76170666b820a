using System.Net;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Tests.Support;

/// <summary>A browser without a screen: cookies, pages, and forms that carry what the page before had in it.</summary>
public sealed partial class PageClient : IDisposable
{
    public const string Password = "correct horse battery staple";

    private readonly TestServer _server;
    private readonly CookieContainer _cookies = new();
    private readonly HttpClient _client;

    public PageClient(TestServer server)
    {
        _server = server;
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies });
    }

    /// <summary>The token that the forms of the last page carried.</summary>
    public string? FormToken { get; set; }

    public string? SessionCookie
    {
        get => _cookies.GetCookies(_server.Address)["hookway_session"]?.Value;
        set => _cookies.Add(_server.Address, new Cookie("hookway_session", value));
    }

    /// <summary>A browser signed in as a new member of the workspace <c>default</c> with this role.</summary>
    public static async Task<PageClient> SignedIn(TestServer server, string role = Roles.Owner, string? email = null, string workspace = FirstStart.WorkspaceName)
    {
        email ??= $"{role}-{Guid.NewGuid():N}@example.com";
        var owner = (await server.Services.GetRequiredService<WorkspaceStore>().Find(workspace))!;
        var (_, token) = await server.Services.GetRequiredService<AccessLinkStore>().Create(AccessLink.Invitation, owner.No, null, email, role, Actor.Command);
        var client = new PageClient(server);
        (await client.Post(AccessLink.PathOf(AccessLink.Invitation, token), ("name", role), ("password", Password))).Status.ShouldBe(303);
        // Any page with a form gives the token that the next one carries.
        (await client.Get("/account")).Expect(200);
        return client;
    }

    public async Task<PageAnswer> Get(string path) => await Send(new HttpRequestMessage(HttpMethod.Get, new Uri(_server.Address, path)));

    public Task<PageAnswer> Post(string path, params (string Name, string? Value)[] fields) => Post(path, FormToken, fields);

    public async Task<PageAnswer> Post(string path, string? token, (string Name, string? Value)[] fields, params (string Name, string Value)[] headers)
    {
        var values = fields.Select(field => KeyValuePair.Create(field.Name, field.Value ?? "")).ToList();
        if (token is not null)
        {
            values.Add(KeyValuePair.Create("_token", token));
        }
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_server.Address, path)) { Content = new FormUrlEncodedContent(values) };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return await Send(request);
    }

    /// <summary>A request to the API with the browser's cookie.</summary>
    public async Task<Answer> Api(HttpMethod method, string path, object? body, string? workspaceId, bool withToken = true)
    {
        using var request = new HttpRequestMessage(method, new Uri(_server.Address, path)) { Content = body is null ? null : JsonContent.Create(body) };
        if (workspaceId is not null)
        {
            request.Headers.Add("Hookway-Workspace", workspaceId);
        }
        if (withToken && FormToken is not null)
        {
            request.Headers.Add("Hookway-Antiforgery", FormToken);
        }
        using var response = await _client.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(), response.Headers, response.Content.Headers.ContentType?.MediaType);
    }

    public void Dispose() => _client.Dispose();

    private async Task<PageAnswer> Send(HttpRequestMessage request)
    {
        request.Headers.Accept.ParseAdd("text/html");
        using var response = await _client.SendAsync(request);
        var html = await response.Content.ReadAsStringAsync();
        if (Token().Match(html) is { Success: true } match)
        {
            FormToken = WebUtility.HtmlDecode(match.Groups[1].Value);
        }
        return new PageAnswer(
            (int)response.StatusCode, html, response.Headers.Location?.OriginalString,
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    [GeneratedRegex("name=\"_token\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}

/// <summary>What a browser got.</summary>
public sealed record PageAnswer(int Status, string Html, string? Location, IReadOnlyDictionary<string, string> Headers)
{
    public PageAnswer Expect(int status)
    {
        Status.ShouldBe(status, Html.Length > 4000 ? Html[..4000] : Html);
        return this;
    }

    /// <summary>The text of the page, without its markup.</summary>
    public string Text => WebUtility.HtmlDecode(Regex.Replace(Html, "<[^>]+>", " "));
}
