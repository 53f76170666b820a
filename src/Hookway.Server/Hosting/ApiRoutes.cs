using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Dashboard;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Explain;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Portals;
using Hookway.Dispatch.Recipients;
using Hookway.Dispatch.Refusals;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Intake;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Issues;
using Hookway.Portal;
using Hookway.Replays;
using Hookway.Ui;

namespace Hookway.Hosting;

/// <summary>Every group of routes on one screen. Each route names the scope it needs where it is mapped; those of health and reference need none, and pages ask in their own way.</summary>
public static class ApiRoutes
{
    public static void MapHookway(this WebApplication app)
    {
        app.MapApps();
        app.MapEventTypes();
        app.MapRecipients();
        app.MapExplain();
        app.MapEndpoints();
        app.MapPortalSessions();
        app.MapMessages();
        app.MapRefusedSends();
        app.MapSources();
        app.MapRefusedRequests();
        app.MapVendors();
        app.MapIngest();
        app.MapDestinations();
        app.MapEvents();
        app.MapEventAttempts();
        app.MapEventReplays();
        app.MapReplays();
        app.MapIssues();
        app.MapWorkspace();
        app.MapApiKeys();
        app.MapAudit();
        app.MapMembers();
        app.MapApiReference();
        app.MapHealth();
        app.MapMetrics();
        app.MapAssets();
        app.MapDashboard();
        app.MapPortal();
    }
}
