using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hookway.Api;

/// <summary>A field of a PATCH, where absent (left alone), null (back to its default) and a value are three different things.</summary>
public readonly record struct Optional<T>(bool IsSet, T? Value) : IOptional
{
    object? IOptional.Boxed => Value;

    /// <summary>The field's new value: the default when it was null, the old one when it was absent.</summary>
    public T? Or(T? old, T? byDefault) => !IsSet ? old : Value ?? byDefault;

    /// <summary>The new value of a field that has no default to go back to: the old one when it was absent; null is an error.</summary>
    public T? NotNull(string field, T? old, FieldErrors errors)
    {
        if (IsSet && Value is null)
        {
            errors.Add(field, "must not be null");
        }
        return Value is null ? old : Value;
    }
}

/// <summary>An optional field, whatever its type.</summary>
public interface IOptional
{
    /// <summary>The value; null when it was null or absent.</summary>
    object? Boxed { get; }
}

/// <summary>Reads <see cref="Optional{T}"/> as its value; absence leaves the default, which is "not set".</summary>
public sealed class OptionalConverterFactory : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Optional<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(OptionalConverter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class OptionalConverter<T> : JsonConverter<Optional<T>>
    {
        public override bool HandleNull => true;

        public override Optional<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return new(true, JsonSerializer.Deserialize<T>(ref reader, options));
            }
            catch (JsonException e)
            {
                // Its path begins at the value; one without a path is given that of the field by the reader above.
                throw new JsonException(e.Message, null, null, null, e.InnerException) { Data = { [JsonInput.PathInValue] = e.Path?.TrimStart('$') } };
            }
        }

        public override void Write(Utf8JsonWriter writer, Optional<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Value, options);
    }
}
