using Hookway.Ui;
using Microsoft.AspNetCore.Components;

namespace Hookway.Portal;

/// <summary>A part of a portal's page: it knows whose portal it is.</summary>
public abstract class PortalPart : ComponentBase
{
    [CascadingParameter] public FaceContext Context { get; set; } = null!;

    protected PortalContext Page => (PortalContext)Context;
}
