using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Hookway.Api.OpenApi;

/// <summary>The docstrings of this program, from the file the compiler writes beside it: the API's reference is what the code says of itself.</summary>
public sealed partial class Docstrings
{
    private readonly Dictionary<string, XElement> _members;

    public Docstrings(Assembly assembly)
    {
        var file = Path.ChangeExtension(assembly.Location, ".xml");
        _members = File.Exists(file)
            ? XDocument.Load(file).Descendants("member").ToDictionary(member => member.Attribute("name")!.Value)
            : [];
    }

    /// <summary>A type's summary; null when it has none.</summary>
    public string? SummaryOf(Type type) => Find(type) is { } member ? Text(member.Element("summary")) : null;

    /// <summary>What a record, or one it inherits from, says of a parameter; null when nothing.</summary>
    public string? ParameterOf(Type? type, string name)
    {
        for (; type is not null && type != typeof(object); type = type.BaseType)
        {
            var text = Find(type)?.Elements("param").FirstOrDefault(element => element.Attribute("name")?.Value == name) is { } parameter
                ? Text(parameter)
                : _members.TryGetValue($"P:{NameOf(type)}.{name}", out var property) ? Text(property.Element("summary")) : null;
            if (text is not null)
            {
                return text;
            }
        }
        return null;
    }

    private XElement? Find(Type type) => _members.GetValueOrDefault("T:" + NameOf(type));

    private static string NameOf(Type type) => ((type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName ?? "").Replace('+', '.');

    private static string? Text(XElement? element) => element is null ? null : Spaces().Replace(element.Value, " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
