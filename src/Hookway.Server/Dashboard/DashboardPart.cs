using Hookway.Ui;
using Microsoft.AspNetCore.Components;

namespace Hookway.Dashboard;

/// <summary>A part of a dashboard page: it knows who looks, and at which workspace.</summary>
public abstract class DashboardPart : ComponentBase
{
    [CascadingParameter] public FaceContext Context { get; set; } = null!;

    protected DashboardContext Page => (DashboardContext)Context;
}
