using Hookway.Api;
using Hookway.Dashboard.Account;
using Hookway.Dashboard.Apps;
using Hookway.Dashboard.Destinations;
using Hookway.Dashboard.Endpoints;
using Hookway.Dashboard.Explain;
using Hookway.Dashboard.Gate;
using Hookway.Dashboard.Issues;
using Hookway.Dashboard.Ledger;
using Hookway.Dashboard.Messages;
using Hookway.Dashboard.Overview;
using Hookway.Dashboard.Recipients;
using Hookway.Dashboard.Refusals;
using Hookway.Dashboard.Replays;
using Hookway.Dashboard.Settings;
using Hookway.Dashboard.Sources;
using Hookway.Ui;

namespace Hookway.Dashboard;

/// <summary>Every page of the dashboard, area by area.</summary>
public static class DashboardRoutes
{
    /// <summary>What the pages need beside the stores.</summary>
    /// <param name="publicUrl">As the operator set it; null when it follows from each request.</param>
    public static void AddFaces(this IServiceCollection services, string? publicUrl)
    {
        services.AddSingleton<ApiInside>();
        services.AddSingleton<OverviewReader>();
        services.AddSingleton<AppActivityReader>();
        services.AddSingleton<SourceVolume>();
        services.AddSingleton(new PublicAddress(publicUrl));
    }

    public static void MapDashboard(this IEndpointRouteBuilder routes)
    {
        var open = routes.MapGroup("").ExcludeFromDescription().WithMetadata(new DashboardPage(NeedsSession: false));
        open.MapGate();

        var signedIn = routes.MapGroup("").ExcludeFromDescription().WithMetadata(new DashboardPage(NeedsSession: true));
        signedIn.MapAccount();
        signedIn.MapOverview();
        signedIn.MapAppPages();
        signedIn.MapMessagePages();
        signedIn.MapEndpointPages();
        signedIn.MapRecipientPages();
        signedIn.MapExplainPages();
        signedIn.MapRefusedPages();
        signedIn.MapReplayPages();
        signedIn.MapSourcePages();
        signedIn.MapDestinationPages();
        signedIn.MapEventPages();
        signedIn.MapIssuePages();
        signedIn.MapSettingsPages();
    }
}
