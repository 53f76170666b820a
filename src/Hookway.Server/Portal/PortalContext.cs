using System.Reflection;
using System.Text;
using Hookway.Access.Portals;
using Hookway.Api;
using Hookway.Ui;

namespace Hookway.Portal;

/// <summary>What the pages of a portal know of their request: whose portal it is, what may be done in it, and how to call the API with its token.</summary>
/// <param name="Capabilities">What the session may do, as the workspace caps it now.</param>
public sealed record PortalContext(
    DateTimeOffset Now, string Theme, string Path, string Query, string Base, PortalAppearance Appearance, IReadOnlyList<string> Capabilities, PageApi Api)
    : FaceContext(Now, FormToken: null, Theme, Path, Query, [Base + "/theme.css"], MayBeFramed: true)
{
    public string AppId => Appearance.Session.AppId;

    public string Recipient => Appearance.Session.Recipient;

    public bool May(string capability) => Capabilities.Contains(capability);

    /// <summary>A page of this portal.</summary>
    public string Url(params ReadOnlySpan<string> parts)
    {
        var url = new StringBuilder(Base);
        foreach (var part in parts)
        {
            url.Append('/').Append(Uri.EscapeDataString(part));
        }
        return url.ToString();
    }

    /// <summary>A route of the API below the portal's app.</summary>
    public string Route(params ReadOnlySpan<string> parts) => PageApi.Path(["apps", AppId, .. parts]);

    /// <summary>The page for what the API refused.</summary>
    public IResult Failed(Problem problem) => PageResult.Of<PortalProblem>(this, new { Problem = problem }, problem.Status);

    public static ValueTask<PortalContext?> BindAsync(HttpContext http, ParameterInfo _) => ValueTask.FromResult(http.Features.Get<PortalContext>());
}
