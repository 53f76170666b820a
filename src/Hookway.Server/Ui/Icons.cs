using System.Collections.Frozen;

namespace Hookway.Ui;

/// <summary>The icons, drawn on a grid of 24 with strokes of the current colour.</summary>
public static class Icons
{
    private static readonly FrozenDictionary<string, string> Paths = new Dictionary<string, string>
    {
        ["home"] = "<path d='M3 12h5l3 8 4-16 3 8h3'/>",
        ["apps"] = "<rect x='3' y='3' width='7' height='7' rx='1.5'/><rect x='14' y='3' width='7' height='7' rx='1.5'/><rect x='3' y='14' width='7' height='7' rx='1.5'/><rect x='14' y='14' width='7' height='7' rx='1.5'/>",
        ["message"] = "<path d='m22 2-7 20-4-9-9-4Z'/><path d='M22 2 11 13'/>",
        ["person"] = "<circle cx='12' cy='8' r='4'/><path d='M4 21c0-4 3.6-6.5 8-6.5s8 2.5 8 6.5'/>",
        ["people"] = "<circle cx='9' cy='8' r='3.5'/><path d='M2.5 20c0-3.6 3-5.7 6.5-5.7s6.5 2.1 6.5 5.7'/><path d='M16 4.8a3.5 3.5 0 0 1 0 6.4M17.5 14.6c2.4.6 4 2.4 4 5.4'/>",
        ["endpoint"] = "<path d='M9 17H7A5 5 0 0 1 7 7h2M15 7h2a5 5 0 0 1 0 10h-2M8 12h8'/>",
        ["types"] = "<path d='M12.6 2.6A2 2 0 0 0 11.2 2H4a2 2 0 0 0-2 2v7.2a2 2 0 0 0 .6 1.4l8.7 8.7a2.4 2.4 0 0 0 3.4 0l6.6-6.6a2.4 2.4 0 0 0 0-3.4Z'/><circle cx='7.5' cy='7.5' r='1'/>",
        ["replay"] = "<path d='M3 12a9 9 0 1 0 3-6.7L3 8'/><path d='M3 3v5h5'/>",
        ["source"] = "<path d='M12 3v12m0 0 4.5-4.5M12 15l-4.5-4.5'/><path d='M4 16v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3'/>",
        ["ledger"] = "<path d='M4 5a2 2 0 0 1 2-2h13v18H6a2 2 0 0 1-2-2Z'/><path d='M4 18a2 2 0 0 1 2-2h13M9 7h6M9 11h6'/>",
        ["issue"] = "<path d='M10.3 3.9 2.2 18a2 2 0 0 0 1.7 3h16.2a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0Z'/><path d='M12 9v4M12 17h.01'/>",
        ["settings"] = "<path d='M4 6h9M17 6h3M4 12h3M11 12h9M4 18h7M15 18h5'/><circle cx='15' cy='6' r='2'/><circle cx='9' cy='12' r='2'/><circle cx='13' cy='18' r='2'/>",
        ["key"] = "<circle cx='7.5' cy='15.5' r='4.5'/><path d='m10.7 12.3 9.3-9.3M15.5 7.5l3 3L22 7l-3-3'/>",
        ["log"] = "<path d='M8 6h13M8 12h13M8 18h13M3 6h.01M3 12h.01M3 18h.01'/>",
        ["gauge"] = "<path d='M12 14l4-4'/><path d='M3.3 19a10 10 0 1 1 17.4 0'/>",
        ["check"] = "<path d='m5 12.5 4.5 4.5L19 7.5'/>",
        ["cross"] = "<path d='M6.5 6.5l11 11M17.5 6.5l-11 11'/>",
        ["alert"] = "<path d='M12 6v7M12 17.5h.01'/>",
        ["clock"] = "<circle cx='12' cy='12' r='9'/><path d='M12 7v5l3 2'/>",
        ["pause"] = "<path d='M8.5 5v14M15.5 5v14'/>",
        ["play"] = "<path d='M7 4.5v15l12-7.5Z'/>",
        ["ban"] = "<circle cx='12' cy='12' r='9'/><path d='m5.6 5.6 12.8 12.8'/>",
        ["minus"] = "<path d='M6 12h12'/>",
        ["plus"] = "<path d='M12 5v14M5 12h14'/>",
        ["copy"] = "<rect x='8' y='8' width='13' height='13' rx='2'/><path d='M4 16a1 1 0 0 1-1-1V5a2 2 0 0 1 2-2h10a1 1 0 0 1 1 1'/>",
        ["chevron"] = "<path d='m9 5 7 7-7 7'/>",
        ["down"] = "<path d='m6 9 6 6 6-6'/>",
        ["updown"] = "<path d='m8 9 4-4 4 4M8 15l4 4 4-4'/>",
        ["search"] = "<circle cx='11' cy='11' r='7'/><path d='m20.5 20.5-4.4-4.4'/>",
        ["menu"] = "<path d='M4 7h16M4 12h16M4 17h16'/>",
        ["sun"] = "<circle cx='12' cy='12' r='4'/><path d='M12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4'/>",
        ["moon"] = "<path d='M20.5 14.5A8.5 8.5 0 0 1 9.5 3.5a8.5 8.5 0 1 0 11 11Z'/>",
        ["monitor"] = "<rect x='2.5' y='4' width='19' height='13' rx='2'/><path d='M8 21h8M12 17v4'/>",
        ["leave"] = "<path d='M9 21H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h4M16 17l5-5-5-5M21 12H9'/>",
        ["back"] = "<path d='M19 12H5M11 6l-6 6 6 6'/>",
        ["external"] = "<path d='M14 4h6v6M20 4l-9 9M18 14v4a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h4'/>",
        ["eye"] = "<path d='M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7-10-7-10-7Z'/><circle cx='12' cy='12' r='3'/>",
        ["shield"] = "<path d='M12 22s8-3.6 8-10V5l-8-3-8 3v7c0 6.4 8 10 8 10Z'/>",
        ["question"] = "<circle cx='12' cy='12' r='9'/><path d='M9.2 9a3 3 0 0 1 5.8 1c0 2-3 2.5-3 4M12 17.5h.01'/>",
        ["book"] = "<path d='M2.5 4H8a4 4 0 0 1 4 4v12.500a3 3 0 0 0-3-3H2.500ZM21.500 4H16a4 4 0 0 0-4 4v12.500a3 3 0 0 1 3-3h6.500Z'/>",
        ["bolt"] = "<path d='M13 2 4 14h7l-1 8 9-12h-7Z'/>",
        ["trash"] = "<path d='M3 6h18M8 6V4a1.500 1.500 0 0 1 1.500-1.500h5A1.500 1.500 0 0 1 16 4v2M19 6l-1 14a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 6 20L5 6M10 11v6M14 11v6'/>",
        ["mail"] = "<rect x='2.500' y='4.500' width='19' height='15' rx='2'/><path d='m3 7 9 6 9-6'/>",
        ["inbox"] = "<path d='M22 12h-6l-2 3h-4l-2-3H2'/><path d='M5.500 5.100 2 12v6a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2v-6l-3.500-6.900A2 2 0 0 0 16.700 4H7.300a2 2 0 0 0-1.800 1.100Z'/>",
        ["filter"] = "<path d='M3 5h18l-7 8.500V20l-4-2v-4.500Z'/>",
        ["code"] = "<path d='m16 18 6-6-6-6M8 6l-6 6 6 6'/>",
    }.ToFrozenDictionary();

    public static string Path(string name) => Paths.TryGetValue(name, out var path) ? path : throw new ArgumentException($"There is no icon {name}.", nameof(name));
}
