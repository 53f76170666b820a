using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.JmesPath;

/// <summary>
/// A JMESPath expression, which makes one JSON value of another. What it may cost is bounded, in steps and in bytes of its result: an expression of a few dozen characters
/// could else double its result again and again. Numbers that it passes on stay as they were written.
/// </summary>
public sealed class JmesExpression
{
    public const int MostCharacters = 4_096;
    private const int MostSteps = 3_000_000;

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = RawJson.MostDepth + 1, SkipValidation = true };

    private readonly JmesNode _root;

    private JmesExpression(JmesNode root) => _root = root;

    /// <summary>Reads an expression; null with the problem, the end of a sentence, when it is none.</summary>
    public static (JmesExpression? Expression, string? Problem) Read(string text)
    {
        if (text.Length > MostCharacters)
        {
            return (null, $"must have at most {MostCharacters} characters");
        }
        try
        {
            return (new JmesExpression(new JmesParser(text).Parse()), null);
        }
        catch (JmesException e)
        {
            return (null, $"is not a JMESPath expression: {e.Message}");
        }
    }

    /// <summary>What the expression makes of a value, as JSON; null with the problem, a sentence, when it cannot.</summary>
    public (byte[]? Json, string? Problem) Apply(JsonElement value, int mostBytes)
    {
        try
        {
            var run = new JmesRun(MostSteps);
            var result = _root.Evaluate(JmesValue.Of(value), run);
            var output = new ArrayBufferWriter<byte>(256);
            using (var writer = new Utf8JsonWriter(output, WriterOptions))
            {
                result.Write(writer, run, mostBytes, depth: 0);
            }
            return (output.WrittenSpan.ToArray(), null);
        }
        catch (JmesException e)
        {
            return (null, e.Message);
        }
    }
}

/// <summary>An expression that cannot be read, or not be applied; the message is a sentence for people.</summary>
internal sealed class JmesException(string message) : Exception(message);

/// <summary>One evaluation, and what it may still cost.</summary>
internal sealed class JmesRun(int steps)
{
    private long _left = steps;

    public void Spend(long steps)
    {
        if ((_left -= steps) < 0)
        {
            throw new JmesException("The expression takes more work on this value than one may.");
        }
    }
}
