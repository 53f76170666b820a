using System.Reflection;

namespace Hookway.Api;

/// <summary>The version of this build, as receivers and operators see it.</summary>
public static class ProductVersion
{
    public static string Text { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}
