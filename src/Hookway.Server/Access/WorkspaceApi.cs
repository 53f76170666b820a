using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Access;

/// <summary>How many apps a workspace has that are not archived; answered by those who keep them.</summary>
public delegate Task<long> AppCount(long workspaceNo);

/// <summary>The routes of the caller's workspace.</summary>
public static class WorkspaceApi
{
    public static void MapWorkspace(this IEndpointRouteBuilder routes)
    {
        var workspace = routes.MapGroup("/api/v1/workspace").WithTags("Workspace");
        workspace.MapGet("/", Get).Needs(Scopes.WorkspaceRead).WithSummary("Fetch the workspace").WithDescription("With its limits and its use of them.")
            .Produces<WorkspaceResource>();
        workspace.MapPatch("/", Change).Needs(Scopes.WorkspaceWrite).WithSummary("Change the workspace")
            .WithDescription("What portalCapabilities takes away is taken from portal sessions that are open, too.")
            .Accepts<ChangeWorkspace>("application/json").Produces<WorkspaceResource>();
    }

    private static async Task<IResult> Get(Caller caller, WorkspaceStore store, UsageStore usage, AppCount apps, TimeProvider clock) =>
        await Show(await store.View(caller.WorkspaceNo), usage, apps, clock);

    private static async Task<IResult> Change(HttpContext http, Caller caller, WorkspaceStore store, UsageStore usage, AppCount apps, TimeProvider clock)
    {
        var (input, problem) = await JsonInput.Read<ChangeWorkspace>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        if (input.Name.IsSet && (string.IsNullOrWhiteSpace(input.Name.Value) || input.Name.Value.Length > Workspace.MostNameCharacters))
        {
            errors.Add("name", $"must be 1 to {Workspace.MostNameCharacters} characters");
        }
        Capabilities.Check("portalCapabilities", input.PortalCapabilities.Value, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var changed = await store.Update(caller.WorkspaceNo, caller.Actor, workspace => workspace with
        {
            Name = input.Name.Or(workspace.Name, null)!,
            PortalCapabilities = input.PortalCapabilities.IsSet ? Capabilities.InOrder(input.PortalCapabilities.Value ?? Capabilities.All) : workspace.PortalCapabilities,
        });
        return await Show(changed, usage, apps, clock);
    }

    private static async Task<IResult> Show(Workspace workspace, UsageStore usage, AppCount apps, TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        return TypedResults.Ok(new WorkspaceResource(
            workspace.WorkspaceId, workspace.Name, workspace.PortalCapabilities, workspace.Limits,
            new WorkspaceUsage(await usage.CountOf(workspace.No, UsageStore.MonthOf(now)), UsageStore.EndOfMonth(now), await apps(workspace.No)), workspace.CreatedAt));
    }
}

/// <summary>The body of "change the workspace": absent fields stay, null restores the default.</summary>
/// <param name="Name">Not null; 1 to 200 characters.</param>
/// <param name="PortalCapabilities">What portal sessions may do at most; null for everything, [] for nothing, so that there are none.</param>
public sealed record ChangeWorkspace(Optional<string> Name, Optional<IReadOnlyList<string?>> PortalCapabilities) : IRequestBody;

/// <summary>The caller's workspace.</summary>
/// <param name="PortalCapabilities">What portal sessions may do at most.</param>
/// <param name="Limits">What it may use; null is no limit.</param>
/// <param name="Usage">What it uses.</param>
public sealed record WorkspaceResource(
    string WorkspaceId, string Name, IReadOnlyList<string> PortalCapabilities, WorkspaceLimits Limits, WorkspaceUsage Usage, DateTimeOffset CreatedAt);

/// <summary>What a workspace uses.</summary>
/// <param name="MessagesThisMonth">Messages accepted since the month began (UTC).</param>
/// <param name="MonthEndsAt">When the count begins anew.</param>
/// <param name="Apps">Those that are not archived.</param>
public sealed record WorkspaceUsage(long MessagesThisMonth, DateTimeOffset MonthEndsAt, long Apps);

/// <summary>What of a workspace can be changed, for the audit log.</summary>
public sealed record WorkspaceSettings(string Name, IReadOnlyList<string> PortalCapabilities, WorkspaceLimits Limits)
{
    public static WorkspaceSettings Of(Workspace workspace) => new(workspace.Name, workspace.PortalCapabilities, workspace.Limits);
}
