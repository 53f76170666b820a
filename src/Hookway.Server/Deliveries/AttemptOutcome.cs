using System.Diagnostics;

namespace Hookway.Deliveries;

/// <summary>How an attempt ended: the closed list. Each has a stable code for machines and a sentence for people.</summary>
public enum AttemptOutcome
{
    Succeeded,
    HttpStatus,
    Timeout,
    ConnectionRefused,
    ConnectionFailed,
    Dns,
    Tls,
    BlockedAddress,
    InvalidResponse,
    InvalidRequest,

    // Of destinations alone: nothing was sent over HTTP.
    TransformFailed,
    RoutingKeyMissing,
    EventTypeNotPublished,
    SchemaMismatch,
    MessageRefused,
}

/// <summary>The codes and sentences of <see cref="AttemptOutcome"/>.</summary>
public static class AttemptOutcomes
{
    /// <summary>The code that is stored and shown as <c>error</c>; null for a success, which has none.</summary>
    public static string? Code(this AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Succeeded => null,
        AttemptOutcome.HttpStatus => "http_status",
        AttemptOutcome.Timeout => "timeout",
        AttemptOutcome.ConnectionRefused => "connection_refused",
        AttemptOutcome.ConnectionFailed => "connection_failed",
        AttemptOutcome.Dns => "dns",
        AttemptOutcome.Tls => "tls",
        AttemptOutcome.BlockedAddress => "blocked_address",
        AttemptOutcome.InvalidResponse => "invalid_response",
        AttemptOutcome.InvalidRequest => "invalid_request",
        AttemptOutcome.TransformFailed => "transform_failed",
        AttemptOutcome.RoutingKeyMissing => "routing_key_missing",
        AttemptOutcome.EventTypeNotPublished => "event_type_not_published",
        AttemptOutcome.SchemaMismatch => "schema_mismatch",
        AttemptOutcome.MessageRefused => "message_refused",
        _ => throw new UnreachableException(),
    };

    /// <summary>What the outcome means, for the engineer on call.</summary>
    public static string Sentence(this AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Succeeded => "The receiver accepted the request with a 2xx status.",
        AttemptOutcome.HttpStatus => "The receiver answered with a status other than 2xx.",
        AttemptOutcome.Timeout => "The receiver did not answer in time.",
        AttemptOutcome.ConnectionRefused => "The connection was refused: nothing listens at the receiver's address and port.",
        AttemptOutcome.ConnectionFailed => "The connection could not be made, or was closed before an answer came.",
        AttemptOutcome.Dns => "The receiver's host name could not be resolved.",
        AttemptOutcome.Tls => "No secure connection could be made: the TLS handshake or the check of the certificate failed.",
        AttemptOutcome.BlockedAddress => "The URL leads to an address that this server is not allowed to call, so nothing was sent.",
        AttemptOutcome.InvalidResponse => "What came back is not a valid HTTP response.",
        AttemptOutcome.InvalidRequest => "The URL or headers do not make a valid HTTP request, so nothing was sent.",
        AttemptOutcome.TransformFailed => "The transformation of the destination could not be applied to the event's body, so nothing was sent.",
        AttemptOutcome.RoutingKeyMissing => "The app's routing key names no recipient for the event, so no message was sent.",
        AttemptOutcome.EventTypeNotPublished => "The event's type is not published in the app, so no message was sent.",
        AttemptOutcome.SchemaMismatch => "The data does not match the schema of the event's type in the app, so no message was sent.",
        AttemptOutcome.MessageRefused => "The app did not take the message.",
        _ => throw new UnreachableException(),
    };

    /// <summary>The outcome that has this code: a success for no code, null for a code that does not exist.</summary>
    public static AttemptOutcome? FromCode(string? code)
    {
        foreach (var outcome in Enum.GetValues<AttemptOutcome>())
        {
            if (outcome.Code() == code)
            {
                return outcome;
            }
        }

        return null;
    }
}
