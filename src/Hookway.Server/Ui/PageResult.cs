using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Hookway.Ui;

/// <summary>
/// Answers with a page, rendered on the server to plain HTML. Pages are components without interactivity: what they do is done by links and forms.
/// </summary>
/// <param name="context">Given to every part of the page.</param>
/// <param name="page">The component.</param>
/// <param name="parameters">Its parameters by name.</param>
/// <param name="status">200, or what went wrong.</param>
public sealed class PageResult(FaceContext context, Type page, IReadOnlyDictionary<string, object?> parameters, int status = StatusCodes.Status200OK) : IResult
{
    /// <summary>A page whose parameters are the properties of an object.</summary>
    public static PageResult Of<TPage>(FaceContext context, object parameters, int status = StatusCodes.Status200OK) where TPage : IComponent =>
        new(context, typeof(TPage), parameters.GetType().GetProperties().ToDictionary(property => property.Name, property => property.GetValue(parameters)), status);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var html = await Render(httpContext.RequestServices, context, page, parameters);
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        PageHeaders.Set(response, context.MayBeFramed);
        var bytes = Encoding.UTF8.GetBytes(html);
        response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(httpContext.Request.Method))
        {
            await response.Body.WriteAsync(bytes, httpContext.RequestAborted);
        }
    }

    /// <summary>Renders a component as part of a page that is there already.</summary>
    public static Task<string> RenderPart<TPart>(HttpContext http, FaceContext context, object parameters) where TPart : IComponent =>
        Render(http.RequestServices, context, typeof(TPart), parameters.GetType().GetProperties().ToDictionary(property => property.Name, property => property.GetValue(parameters)));

    private static async Task<string> Render(IServiceProvider services, FaceContext context, Type page, IReadOnlyDictionary<string, object?> parameters)
    {
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        return await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync<PageRoot>(ParameterView.FromDictionary(new Dictionary<string, object?>
            {
                [nameof(PageRoot.Context)] = context,
                [nameof(PageRoot.Page)] = page,
                [nameof(PageRoot.Parameters)] = parameters.ToDictionary(),
            }))).ToHtmlString());
    }
}

/// <summary>The headers of every page: what it may load and do, and who may frame it.</summary>
public static class PageHeaders
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors ";

    public static void Set(HttpResponse response, bool mayBeFramed)
    {
        response.Headers.ContentSecurityPolicy = Policy + (mayBeFramed ? "*" : "'none'");
        response.Headers.XContentTypeOptions = "nosniff";
        // Ours alone may hear where a viewer comes from. Not even that where the path is what lets in: others' pages frame the portal, and it links to them. Elsewhere no-referrer
        // would hide from us, too, where a form was sent from (the Origin would be null), and links that let in once are told to nobody but the server that made them.
        response.Headers["Referrer-Policy"] = mayBeFramed ? "no-referrer" : "same-origin";
        response.Headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers.CacheControl = "no-store";
        if (!mayBeFramed)
        {
            response.Headers.XFrameOptions = "DENY";
        }
    }
}
