using System.Runtime.InteropServices;
using System.Text.Json;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>Equality of JSON values as JSON Schema has it: numbers by their value, objects whatever the order of their names. Of a name that stands twice the last counts.</summary>
internal sealed class JsonEquality : IEqualityComparer<JsonElement>
{
    public static JsonEquality Instance { get; } = new();

    public bool Equals(JsonElement x, JsonElement y) => x.ValueKind == y.ValueKind && x.ValueKind switch
    {
        JsonValueKind.String => JsonText.Of(x) == JsonText.Of(y),
        JsonValueKind.Number => NumberOf(x).CompareTo(NumberOf(y)) == 0,
        JsonValueKind.Array => x.GetArrayLength() == y.GetArrayLength() && x.EnumerateArray().Zip(y.EnumerateArray()).All(pair => Equals(pair.First, pair.Second)),
        JsonValueKind.Object => AreSame(MembersOf(x), MembersOf(y)),
        _ => true,
    };

    public int GetHashCode(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => JsonText.Of(value).GetHashCode(StringComparison.Ordinal),
        JsonValueKind.Number => NumberOf(value).GetHashCode(),
        JsonValueKind.Array => value.EnumerateArray().Aggregate(3, (sum, item) => HashCode.Combine(sum, GetHashCode(item))),
        JsonValueKind.Object => MembersOf(value).Aggregate(5, (sum, member) => sum ^ HashCode.Combine(member.Key, GetHashCode(member.Value))),
        var kind => (int)kind,
    };

    public static JsonNumber NumberOf(JsonElement element) => new(JsonMarshal.GetRawUtf8Value(element));

    private bool AreSame(Dictionary<string, JsonElement> x, Dictionary<string, JsonElement> y) =>
        x.Count == y.Count && x.All(member => y.TryGetValue(member.Key, out var other) && Equals(member.Value, other));

    private static Dictionary<string, JsonElement> MembersOf(JsonElement value)
    {
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
        {
            members[JsonText.NameOf(property)] = property.Value;
        }
        return members;
    }
}
