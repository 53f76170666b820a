using System.Text.Json;

namespace Hookway.Ingest.Verification;

/// <summary>The members of enums as records and answers write them.</summary>
public static class Words
{
    public static string Of<T>(T value) where T : struct, Enum => JsonSerializer.Serialize(value).Trim('"');
}
