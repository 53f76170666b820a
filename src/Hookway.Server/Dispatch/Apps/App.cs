using System.Collections.Frozen;
using Hookway.Api;

namespace Hookway.Dispatch.Apps;

/// <summary>A product surface that sends webhooks, such as "Billing events".</summary>
/// <param name="RoutingKeyBodyPath">Where in <c>data</c> the recipient is named, when a send does not name it.</param>
/// <param name="RoutingKeyHeader">The request header that names the recipient, when a send does not.</param>
public sealed record App(
    long No, string AppId, long WorkspaceNo, string Name, string? RoutingKeyBodyPath, string? RoutingKeyHeader,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ArchivedAt)
{
    public const int MostNameCharacters = 200;
    private const int MostHeaderCharacters = 100;

    /// <summary>Set when the caller may see one recipient alone: then the stores show nothing else of this app.</summary>
    public string? OnlyRecipient { get; init; }

    /// <summary>What that says of a column with recipients' ids, as a further condition with the parameter <c>@OnlyRecipient</c>.</summary>
    public string And(string column) => OnlyRecipient is null ? "" : $" AND {column} = @OnlyRecipient";

    /// <summary>Whether a recipient is out of the caller's sight.</summary>
    public bool Hides(string? recipient) => OnlyRecipient is not null && recipient is not null && recipient != OnlyRecipient;

    /// <summary>What views of an app depend on.</summary>
    public static string Subject(string appId) => "app:" + appId;

    public string Subject() => Subject(AppId);

    /// <summary>Whether a send that names no recipient would go to the same one.</summary>
    public bool RoutesAs(App other) => RoutingKeyBodyPath == other.RoutingKeyBodyPath && RoutingKeyHeader == other.RoutingKeyHeader;

    /// <summary>Adds what is wrong with an app's fields.</summary>
    public static void Check(string? name, string? routingKeyBodyPath, string? routingKeyHeader, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MostNameCharacters)
        {
            errors.Add("name", $"is required, 1 to {MostNameCharacters} characters");
        }
        if (routingKeyBodyPath is not null && !BodyPath.TryParse(routingKeyBodyPath, out _))
        {
            errors.Add("routingKeyBodyPath", BodyPath.Form);
        }
        if (routingKeyHeader is not null && (routingKeyHeader.Length is 0 or > MostHeaderCharacters || !HeaderNames.IsToken(routingKeyHeader)))
        {
            errors.Add("routingKeyHeader", $"must be a header name, at most {MostHeaderCharacters} characters");
        }
    }
}

/// <summary>What a send needs to know of its app: the app, the types that are published in it, and which of them have a schema.</summary>
public sealed record AppView(App App, FrozenSet<string> PublishedTypes, FrozenSet<string> TypesWithSchema);
