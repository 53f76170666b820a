using System.Text.Json;
using System.Text.Unicode;
using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Refusals;

namespace Hookway.Dispatch.Messages;

/// <summary>A send as it was asked for, its fields checked one by one and its <c>data</c> as the bytes that came.</summary>
/// <param name="Data">A JSON value; <c>{}</c> when it was absent.</param>
/// <param name="IdempotencyKey">The caller's, for one without ids.</param>
public sealed record MessageDraft(
    string Recipient, string Type, ReadOnlyMemory<byte> Data, string? MessageId, string? IdempotencyKey, DateTimeOffset? DeliverAt)
{
    private const int MostKeyCharacters = 256;
    private const int EnvelopeBytes = 16 * 1024;
    private static readonly TimeSpan FurthestDelivery = TimeSpan.FromDays(30);

    /// <summary>The recipient was found by the app's routing keys, not named.</summary>
    public bool IsRouted { get; init; }

    /// <summary>The most bytes of <c>data</c> that a caller may send.</summary>
    public static int PayloadBytes(Caller caller) => (int)caller.Workspace.Limits.PayloadBytes!.Value;

    /// <summary>The most bytes of a request whose <c>data</c> may have <paramref name="payloadBytes"/>.</summary>
    public static int BodyLimit(int payloadBytes) => payloadBytes + EnvelopeBytes;

    /// <summary>Reads a request body.</summary>
    /// <param name="header">A request header by its name, for the routing key and the <c>Idempotency-Key</c>.</param>
    public static (MessageDraft? Draft, RefusedDraft? Refused) Parse(
        ReadOnlyMemory<byte> body, App app, Func<string, string?> header, int payloadBytes, DateTimeOffset now)
    {
        if (!JsonInput.IsObject(body.Span))
        {
            return (null, new RefusedDraft(JsonInput.NotAnObject(), null));
        }
        Fields fields;
        try
        {
            fields = Fields.Read(body.Span);
        }
        catch (JsonException e) when (e.Message.Contains("depth", StringComparison.Ordinal))
        {
            return (null, new RefusedDraft(Problem.Invalid("data", $"must not nest deeper than {RawJson.MostDepth} levels"), null));
        }
        catch (JsonException e)
        {
            return (null, new RefusedDraft(JsonInput.Explain(e), null));
        }
        var errors = fields.Errors;
        if (fields.DataLength > payloadBytes)
        {
            return (null, new RefusedDraft(Problem.TooLarge("data", payloadBytes), new SendGlimpse(fields.Recipient, fields.Type, fields.MessageId)));
        }
        ReadOnlyMemory<byte> data = fields.DataLength > 0 ? body.Slice(fields.DataStart, fields.DataLength) : "{}"u8.ToArray();
        if (!Utf8.IsValid(body.Span))
        {
            errors.Add("data", "must be valid UTF-8");
        }
        var recipient = errors.Any ? null : fields.Recipient ?? Route(app, data, header);
        if (recipient is null)
        {
            if (!errors.Any)
            {
                errors.Add("recipient", "is required: in the request, or where the app's routing key points");
            }
        }
        else if (!Recipients.Recipient.IsId(recipient))
        {
            errors.Add("recipient", Recipients.Recipient.IdForm);
        }
        if (fields.Type is null)
        {
            errors.Add("type", "is required");
        }
        else if (!EventType.IsName(fields.Type))
        {
            errors.Add("type", EventType.NameForm);
        }
        if (fields.MessageId is { } id && !Message.IsOwnId(id))
        {
            errors.Add("messageId", Message.IdForm);
        }
        var key = fields.IdempotencyKey ?? header("Idempotency-Key");
        if (key is not null && (key.Length is 0 or > MostKeyCharacters || key.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            errors.Add("idempotencyKey", $"must be 1 to {MostKeyCharacters} visible ASCII characters");
        }
        if (fields.IdempotencyKey is not null && header("Idempotency-Key") is { } other && other != fields.IdempotencyKey)
        {
            errors.Add("idempotencyKey", "differs from the Idempotency-Key header");
        }
        var deliverAt = fields.DeliverAt is { } text ? ReadDeliverAt(text, now, errors) : null;
        return errors.Any
            ? (null, new RefusedDraft(Problem.Invalid(errors), new SendGlimpse(recipient ?? fields.Recipient, fields.Type, fields.MessageId)))
            : (new MessageDraft(recipient!, fields.Type!, data, fields.MessageId, key, deliverAt) { IsRouted = fields.Recipient is null }, null);
    }

    /// <summary>The recipient that the app's routing keys name: the header first, then the path in <c>data</c>.</summary>
    internal static string? Route(App app, ReadOnlyMemory<byte> data, Func<string, string?> header)
    {
        if (app.RoutingKeyHeader is { } name && header(name) is { Length: > 0 } value)
        {
            return value;
        }
        if (app.RoutingKeyBodyPath is null || !BodyPath.TryParse(app.RoutingKeyBodyPath, out var path))
        {
            return null;
        }
        var found = path.Find(RawJson.Element(data)!.Value);
        return found.ValueKind switch
        {
            JsonValueKind.String => RawJson.Text(found),
            JsonValueKind.Number => found.GetRawText(),
            _ => null,
        };
    }

    private static DateTimeOffset? ReadDeliverAt(string text, DateTimeOffset now, FieldErrors errors)
    {
        if (!Times.TryParse(text, out var at))
        {
            errors.Add("deliverAt", "must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z");
            return null;
        }
        if (at > now + FurthestDelivery)
        {
            errors.Add("deliverAt", $"must be at most {FurthestDelivery.Days} days ahead");
        }
        return at > now ? at : null;
    }

    /// <summary>The fields of the request's object, read in one pass that notes where <c>data</c> begins and ends.</summary>
    private ref struct Fields
    {
        // One level for the request's object, the rest for data.
        private static readonly JsonReaderOptions Options = new() { MaxDepth = RawJson.MostDepth + 1 };

        public FieldErrors Errors { get; private init; }
        public string? Recipient { get; private set; }
        public string? Type { get; private set; }
        public string? MessageId { get; private set; }
        public string? IdempotencyKey { get; private set; }
        public string? DeliverAt { get; private set; }
        public int DataStart { get; private set; }
        public int DataLength { get; private set; }

        public static Fields Read(ReadOnlySpan<byte> body)
        {
            var fields = new Fields { Errors = new FieldErrors() };
            var reader = new Utf8JsonReader(body, Options);
            var seen = new HashSet<string>(StringComparer.Ordinal);
            reader.Read();
            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
            {
                var name = NameOf(ref reader);
                if (!seen.Add(name))
                {
                    fields.Errors.Add(name, "stands in the request twice");
                }
                reader.Read();
                fields.Take(name, ref reader);
            }
            while (reader.Read())
            {
                // Reading on finds what follows the object, which is an error of the reader's.
            }
            return fields;
        }

        private void Take(string name, ref Utf8JsonReader reader)
        {
            switch (name)
            {
                case "recipient": Recipient = Text(name, ref reader); break;
                case "type": Type = Text(name, ref reader); break;
                case "messageId": MessageId = Text(name, ref reader); break;
                case "idempotencyKey": IdempotencyKey = Text(name, ref reader); break;
                case "deliverAt": DeliverAt = Text(name, ref reader); break;
                case "data":
                    DataStart = (int)reader.TokenStartIndex;
                    reader.Skip();
                    DataLength = (int)reader.BytesConsumed - DataStart;
                    break;
                default:
                    Errors.Add(name, "is not a field of this request");
                    reader.Skip();
                    break;
            }
        }

        private readonly string? Text(string name, ref Utf8JsonReader reader)
        {
            if (reader.TokenType is JsonTokenType.Null)
            {
                return null;
            }
            if (reader.TokenType is JsonTokenType.String)
            {
                try
                {
                    return reader.GetString();
                }
                catch (InvalidOperationException)
                {
                    // Invalid UTF-8, or half of a surrogate pair.
                }
            }
            Errors.Add(name, "must be a string");
            reader.Skip();
            return null;
        }

    }

    /// <summary>The name of a field that the reader stands on.</summary>
    internal static string NameOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("A field's name is not valid text.", e);
        }
    }
}

/// <summary>A send that cannot be taken as it stands.</summary>
/// <param name="Glimpse">What could be read of it; null when nothing.</param>
public sealed record RefusedDraft(Problem Problem, SendGlimpse? Glimpse);
