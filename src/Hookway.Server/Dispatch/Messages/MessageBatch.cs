using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;

namespace Hookway.Dispatch.Messages;

/// <summary>A request to send many messages: its items as the bytes that came, each to be judged by itself.</summary>
public static class MessageBatch
{
    public const int MostMessages = 1_000;
    public const int MostBytes = 16 * 1024 * 1024;

    private const string Field = "messages";

    /// <summary>Reads the request's object and notes where each item begins and ends.</summary>
    public static (IReadOnlyList<ReadOnlyMemory<byte>> Items, Problem? Problem) Read(ReadOnlyMemory<byte> body)
    {
        if (!JsonInput.IsObject(body.Span))
        {
            return ([], JsonInput.NotAnObject());
        }
        var errors = new FieldErrors();
        var items = new List<ReadOnlyMemory<byte>>();
        try
        {
            Read(body, items, errors);
        }
        catch (JsonException e)
        {
            return ([], JsonInput.Explain(e));
        }
        return errors.Any ? ([], Problem.Invalid(errors)) : (items, null);
    }

    private static void Read(ReadOnlyMemory<byte> body, List<ReadOnlyMemory<byte>> items, FieldErrors errors)
    {
        // An item that nests too deeply is that item's problem, so the whole may nest as deeply as it likes.
        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
        var isGiven = false;
        reader.Read();
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            if (!reader.ValueTextEquals(Field))
            {
                errors.Add(MessageDraft.NameOf(ref reader), "is not a field of this request");
                reader.Skip();
            }
            else if (isGiven)
            {
                errors.Add(Field, "stands in the request twice");
                reader.Skip();
            }
            else
            {
                isGiven = true;
                reader.Read();
                ReadItems(body, ref reader, items);
            }
        }
        while (reader.Read())
        {
            // Reading on finds what follows the object, which is an error of the reader's.
        }
        if (items.Count is 0 or > MostMessages)
        {
            errors.Add(Field, $"must be a list of 1 to {MostMessages} messages");
        }
    }

    private static void ReadItems(ReadOnlyMemory<byte> body, ref Utf8JsonReader reader, List<ReadOnlyMemory<byte>> items)
    {
        if (reader.TokenType is not JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }
        while (reader.Read() && reader.TokenType is not JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (items.Count <= MostMessages)
            {
                items.Add(body[start..(int)reader.BytesConsumed]);
            }
        }
    }
}

/// <summary>The body of "send messages in a batch".</summary>
/// <remarks>Shown in the API's reference; read by <see cref="MessageBatch"/>.</remarks>
/// <param name="Messages">Required; 1 to 1000, in the order in which they are to be accepted.</param>
public sealed record SendMessages([property: System.ComponentModel.DataAnnotations.Required] IReadOnlyList<SendMessage>? Messages) : Api.OpenApi.IRequestBody;

/// <summary>What became of a batch.</summary>
/// <param name="Results">One for each message, in the order of the request.</param>
public sealed record BatchSent(IReadOnlyList<BatchResult> Results);

/// <summary>What became of one message of a batch: its <c>messageId</c> when it is durable, and otherwise the problem that a send of it alone would have been answered with.</summary>
/// <param name="Duplicate">It repeated an earlier send.</param>
public sealed record BatchResult(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? MessageId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Duplicate = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Type = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Title = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Status = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Code = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Limit = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? RequestId = null)
{
    public static BatchResult Of(SendOutcome outcome, string requestId) =>
        outcome.Problem is { } problem ? Of(problem, requestId)
        : new BatchResult(MessageId: outcome.Accepted?.MessageId ?? outcome.RepeatedId, Duplicate: outcome.Accepted is null);

    public static BatchResult Of(Problem problem, string requestId) => new(
        Type: problem.Type, Title: problem.Title, Status: problem.Status, Detail: problem.Detail, Code: problem.Code, Limit: problem.Limit, Errors: problem.Errors, RequestId: requestId);
}
