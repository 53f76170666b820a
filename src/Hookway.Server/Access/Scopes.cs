namespace Hookway.Access;

/// <summary>What an API key may do. <c>*</c> is everything; a write scope does not imply its read scope.</summary>
public static class Scopes
{
    public const string Everything = "*";
    public const string AppRead = "app:read";
    public const string AppWrite = "app:write";
    public const string RecipientRead = "recipient:read";
    public const string RecipientWrite = "recipient:write";
    public const string EventTypeRead = "event_type:read";
    public const string EventTypeWrite = "event_type:write";
    public const string EndpointRead = "endpoint:read";
    public const string EndpointWrite = "endpoint:write";
    public const string MessageRead = "message:read";
    public const string MessageWrite = "message:write";
    public const string IngestRead = "ingest:read";
    public const string IngestWrite = "ingest:write";
    public const string WorkspaceRead = "workspace:read";
    public const string WorkspaceWrite = "workspace:write";

    /// <summary>Every scope that a key can be given.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Everything, AppRead, AppWrite, RecipientRead, RecipientWrite, EventTypeRead, EventTypeWrite, EndpointRead, EndpointWrite,
        MessageRead, MessageWrite, IngestRead, IngestWrite, WorkspaceRead, WorkspaceWrite,
    ];
}
