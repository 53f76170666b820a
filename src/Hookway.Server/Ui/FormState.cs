using Hookway.Api;
using Microsoft.Extensions.Primitives;

namespace Hookway.Ui;

/// <summary>A form as it was sent: what was entered, and what was wrong with it, for showing it again.</summary>
public sealed class FormState(IReadOnlyDictionary<string, StringValues> values, Problem? problem = null)
{
    /// <summary>More than any of our forms holds.</summary>
    public const int MostBytes = 2 * 1024 * 1024;

    public Problem? Problem { get; } = problem;

    /// <summary>Reads the form of a request; of another kind of body, an empty one.</summary>
    public static async Task<FormState> Read(HttpRequest request) => request.HasFormContentType
        ? new FormState((await request.ReadFormAsync(request.HttpContext.RequestAborted)).ToDictionary(pair => pair.Key, pair => pair.Value))
        : new FormState(new Dictionary<string, StringValues>());

    public FormState With(Problem? found) => new(values, found);

    public FormState With(FieldErrors errors) => With(Problem.Invalid(errors));

    /// <summary>What was entered; null when the form has no such field.</summary>
    public string? ValueOf(string name) => values.TryGetValue(name, out var value) && value.Count > 0 ? value[^1] : null;

    /// <summary>The same, trimmed; null when it is blank.</summary>
    public string? Text(string name) => ValueOf(name)?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>Every value of a field that may be there several times.</summary>
    public IReadOnlyList<string> All(string name) => values.TryGetValue(name, out var value) ? [.. value.OfType<string>().Where(text => text.Length > 0)] : [];

    public bool Has(string name) => Text(name) is not null;

    /// <summary>A whole number; null when blank. What is no number is given on as -1, which every rule refuses.</summary>
    public int? Number(string name) => Text(name) is { } text ? int.TryParse(text, out var number) ? number : -1 : null;

    /// <summary>What is wrong with a field, or with a part of it.</summary>
    public string? ErrorOf(string name) => Problem?.Errors?.FirstOrDefault(error =>
        error.Key == name || error.Key.StartsWith(name + "[", StringComparison.Ordinal) || error.Key.StartsWith(name + ".", StringComparison.Ordinal)).Value is [var first, ..] ? first : null;
}
