using System.Text.Json.Nodes;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Api;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Explain;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Portals;
using Hookway.Dispatch.Recipients;
using Hookway.Dispatch.Refusals;
using Hookway.Issues;
using Hookway.Replays;

namespace Hookway.Hosting;

/// <summary>One example for every body that the API takes or gives, for its document.</summary>
public static class ApiExamples
{
    private const string Endpoint = """
        "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y", "appId": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "recipient": "customer_123",
        "url": "https://example.com/webhooks", "name": "Production", "enabled": true, "paused": false, "disabledReason": null,
        "eventTypes": ["invoice.*"], "filter": [{ "bodyPath": "amount", "exists": true }], "headers": { "x-tenant": "••••••" },
        "signature": "hmac-sha256", "retryMaxAttempts": 8, "retryBackoffSeconds": 5, "rateLimitPerMinute": null, "ordered": false,
        "status": "healthy", "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z"
        """;

    private const string Message = """
        "messageId": "msg_01jd3q5x7vb3d5f7h9k1n3q5s7", "appId": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "recipient": "customer_123", "type": "invoice.paid",
        "status": "pending", "duplicate": false, "createdAt": "2026-01-31T12:00:00.000Z", "deliverAt": null,
        "deliveries": [{ "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y", "url": "https://example.com/webhooks", "status": "pending", "attemptCount": 0,
          "nextAttemptAt": "2026-01-31T12:00:00.000Z", "lastResponseStatus": null, "lastError": null, "reason": null }]
        """;

    private const string ApiKey = """
        "keyId": "key_01jd3q5x7v1c3e5g7j9m1p3r5t", "name": "Billing backend", "prefix": "hwk_4f7Gq2Zr", "scopes": ["message:read", "message:write"],
        "createdAt": "2026-01-31T12:00:00.000Z", "expiresAt": "2027-01-31T12:00:00.000Z", "lastUsedAt": null, "revokedAt": null
        """;

    private const string Member = """
        "userId": "usr_01jd3q5x7v1s3d5f7g9h1j3k5m", "email": "ada@example.com", "name": "Ada Lovelace", "role": "owner", "twoFactor": true,
        "createdAt": "2026-01-31T12:00:00.000Z", "lastSeenAt": "2026-01-31T12:30:00.000Z"
        """;

    private const string Invitation = """
        "invitationId": "lnk_01jd3q5x7v2w4e6r8t0y2v4x6z", "email": "grace@example.com", "role": "member",
        "createdAt": "2026-01-31T12:00:00.000Z", "expiresAt": "2026-02-07T12:00:00.000Z"
        """;

    private const string Issue = """
        { "issueId": "anom_01jd3q5x7vn4q6s8v0x2z4b6d8", "kind": "delivery_failed", "status": "open", "severity": "error",
          "title": "Deliveries to Production of customer_123 fail: the receiver answers 500",
          "detail": "The receiver answered with a status other than 2xx. Nothing arrives there now. This issue ends when a delivery does; what failed for good until then can be replayed.",
          "sourceId": null, "destinationId": null, "appId": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y", "recipient": "customer_123",
          "entityKey": null, "eventIds": [], "messageIds": ["msg_01jd3q5x7vb3d5f7h9k1n3q5s7"], "count": 12, "firstSeenAt": "2026-01-31T12:00:00.000Z",
          "lastSeenAt": "2026-01-31T12:30:00.000Z", "resolvedAt": null, "resolvedBy": null }
        """;

    private static readonly Dictionary<Type, string> Examples = new()
    {
        [typeof(CreateApp)] = """{ "name": "Billing events", "routingKeyBodyPath": "customer.id" }""",
        [typeof(ChangeApp)] = """{ "name": "Billing", "routingKeyHeader": null }""",
        [typeof(AppResource)] = """
            { "appId": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "name": "Billing events", "routingKeyBodyPath": "customer.id", "routingKeyHeader": null,
              "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z", "archivedAt": null }
            """,
        [typeof(PublishEventType)] = """
            { "description": "An invoice was paid", "examplePayload": { "invoiceId": "inv_1", "amount": 4200 },
              "schema": { "type": "object", "required": ["invoiceId"], "properties": { "amount": { "type": "integer", "minimum": 0 } } } }
            """,
        [typeof(EventTypeResource)] = """
            { "name": "invoice.paid", "description": "An invoice was paid", "examplePayload": { "invoiceId": "inv_1", "amount": 4200 },
              "schema": { "type": "object", "required": ["invoiceId"], "properties": { "amount": { "type": "integer", "minimum": 0 } } }, "archived": false,
              "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z" }
            """,
        [typeof(PutRecipient)] = """{ "name": "Acme Inc.", "metadata": { "plan": "pro" } }""",
        [typeof(RecipientResource)] = """
            { "recipient": "customer_123", "name": "Acme Inc.", "metadata": { "plan": "pro" }, "endpointCount": 1,
              "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z" }
            """,
        [typeof(Explanation)] = """
            { "answer": "customer_123 did not get the last invoice.paid, message msg_01jd3q5x7vb3d5f7h9k1n3q5s7 of 2026-01-31 12:00:00 UTC: https://example.com/webhooks answered 500 eight times, the last time at 2026-02-01 15:35:12 UTC, and its attempts are used up.",
              "findings": [{ "kind": "failed", "at": "2026-02-01T15:35:12.000Z",
                "text": "https://example.com/webhooks answered 500 eight times, the last time at 2026-02-01 15:35:12 UTC, and its attempts are used up.",
                "messageId": "msg_01jd3q5x7vb3d5f7h9k1n3q5s7", "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y", "attemptId": "att_01jd3q5x7vd5f7h9k1n3q5s7v9",
                "dashboardUrl": "https://hooks.example.com/w/ws_01jd3q5x7v1a3c5e7g9j1m3p5r/apps/app_01jd3q5x7v5a7c9e1g3j5m7p9r/messages/msg_01jd3q5x7vb3d5f7h9k1n3q5s7" }] }
            """,
        [typeof(CreateEndpoint)] = """
            { "recipient": "customer_123", "url": "https://example.com/webhooks", "name": "Production", "eventTypes": ["invoice.*"],
              "filter": [{ "bodyPath": "amount", "exists": true }], "headers": { "x-tenant": "acme" } }
            """,
        [typeof(ChangeEndpoint)] = """{ "url": "https://example.com/webhooks/v2", "eventTypes": null, "headers": { "x-tenant": null }, "paused": true }""",
        [typeof(EndpointResource)] = $$"""{ {{Endpoint}} }""",
        [typeof(EndpointWithSecret)] = $$"""{ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", {{Endpoint}} }""",
        [typeof(EndpointSecret)] = """
            { "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", "previousSecrets": [{ "expiresAt": "2026-02-01T12:00:00.000Z" }] }
            """,
        [typeof(RotateSecret)] = """{ "gracePeriodSeconds": 86400 }""",
        [typeof(RotatedSecret)] = """
            { "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKQ9r8GKYo=", "previousSecretExpiresAt": "2026-02-01T12:00:00.000Z" }
            """,
        [typeof(TestEndpoint)] = """{ "type": "invoice.paid" }""",
        [typeof(SendMessage)] = """
            { "recipient": "customer_123", "type": "invoice.paid", "data": { "invoiceId": "inv_1", "amount": 4200 }, "messageId": "invoice-paid-inv_1" }
            """,
        [typeof(MessageResource)] = $$"""{ {{Message}} }""",
        [typeof(AttemptResource)] = """
            { "attemptId": "att_01jd3q5x7vd5f7h9k1n3q5s7v9", "messageId": "msg_01jd3q5x7vb3d5f7h9k1n3q5s7", "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y",
              "url": "https://example.com/webhooks", "number": 1, "trigger": "automatic", "status": "failed", "responseStatus": 500,
              "responseHeaders": { "content-type": "text/plain" }, "responseBody": "database is away", "error": "http_status",
              "errorDetail": "The receiver answered with a status other than 2xx.", "durationMs": 38,
              "requestHeaders": { "content-type": "application/json", "webhook-id": "msg_01jd3q5x7vb3d5f7h9k1n3q5s7", "webhook-timestamp": "1769860800",
                "webhook-signature": "v1,w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0=", "x-tenant": "••••••" },
              "startedAt": "2026-01-31T12:00:00.004Z", "nextAttemptAt": "2026-01-31T12:00:05.310Z" }
            """,
        [typeof(SendMessages)] = """
            { "messages": [{ "recipient": "customer_123", "type": "invoice.paid", "messageId": "inv_1-paid", "data": { "invoiceId": "inv_1" } },
              { "recipient": "customer_456", "type": "invoice.sent" }] }
            """,
        [typeof(BatchSent)] = """
            { "results": [{ "messageId": "inv_1-paid", "duplicate": false },
              { "type": "about:blank#event_type_not_published", "title": "Bad Request", "status": 400, "code": "event_type_not_published",
                "detail": "The event type invoice.sent is not published in this app.", "errors": { "type": ["The event type invoice.sent is not published in this app."] },
                "requestId": "req_01jd3q5x7v0000000000000000" }] }
            """,
        [typeof(ChangeWorkspace)] = """{ "portalCapabilities": ["endpoints:read", "endpoints:write", "messages:read"] }""",
        [typeof(WorkspaceResource)] = """
            { "workspaceId": "ws_01jd3q5x7v3g5j7m9p1r3t5v7x", "name": "default",
              "portalCapabilities": ["endpoints:read", "endpoints:write", "secrets:read", "secrets:rotate", "messages:read", "messages:replay"],
              "limits": { "requestsPerSecond": 100, "messagesPerMonth": 1000000, "apps": null, "endpointsPerRecipient": 20, "retentionDays": null, "payloadBytes": 1048576 },
              "usage": { "messagesThisMonth": 48211, "monthEndsAt": "2026-02-01T00:00:00.000Z", "apps": 2 }, "createdAt": "2026-01-31T12:00:00.000Z" }
            """,
        [typeof(CreatePortalSession)] = """
            { "recipient": "customer_123", "recipientName": "Acme Inc.", "returnUrl": "https://example.com/settings", "theme": { "mode": "light", "primaryColor": "#1a56db" },
              "capabilities": ["endpoints:read", "endpoints:write", "messages:read"], "expiresInSeconds": 3600 }
            """,
        [typeof(PortalSessionResource)] = """
            { "portalSessionId": "ps_01jd3q5x7vp1r3t5v7x9z1b3d5", "recipient": "customer_123",
              "url": "https://hooks.example.com/portal/hwp_9mK2xQ7vB4nT1cR8yW5zL3pF6hJ0dG2sA4uE7iOq/", "expiresAt": "2026-01-31T13:00:00.000Z",
              "capabilities": ["endpoints:read", "endpoints:write", "messages:read"] }
            """,
        [typeof(CreateApiKey)] = """{ "name": "Billing backend", "scopes": ["message:read", "message:write"], "expiresAt": "2027-01-31T12:00:00.000Z" }""",
        [typeof(ApiKeyResource)] = $$"""{ {{ApiKey}} }""",
        [typeof(NewApiKey)] = $$"""{ "key": "hwk_4f7Gq2ZrT8xLw1Np6VbYc3Hd9KsMj5Ra0EuQtXiW", {{ApiKey}} }""",
        [typeof(AuditEntryResource)] = """
            { "at": "2026-01-31T12:00:00.000Z", "actor": "key_01jd3q5x7v1c3e5g7j9m1p3r5t", "actorName": "Billing backend", "action": "app.updated",
              "object": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "before": { "name": "Billing" }, "after": { "name": "Billing events" }, "requestId": "req_01jd3q5x7v0000000000000000" }
            """,
        [typeof(RefusedMessages)] = """
            { "data": [{ "refusedAt": "2026-01-31T12:00:00.000Z", "recipient": "customer_123", "type": "invoice.sent", "messageId": "inv_1-sent", "status": 400,
                "code": "event_type_not_published", "detail": "The event type invoice.sent is not published in this app.", "requestId": "req_01jd3q5x7v0000000000000000" }],
              "nextCursor": null, "total": 1, "counts": { "event_type_not_published": 1 } }
            """,
        [typeof(ReplayMessage)] = """{ "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y" }""",
        [typeof(ReplayEndpoint)] = """{ "since": "2026-01-31T00:00:00.000Z", "status": "failed", "types": ["invoice.*"] }""",
        [typeof(TargetStats)] = """
            { "since": "2026-01-31T12:00:00.000Z", "until": "2026-01-31T12:07:31.500Z",
              "deliveries": { "pending": 3, "held": 0, "succeeded": 1196, "failed": 2, "canceled": 0 }, "attempts": { "succeeded": 1196, "failed": 14 }, "successRate": 0.9884,
              "latency": { "p50": 38.4, "p90": 81.9, "p95": 118.8, "p99": 487.4 }, "stepSeconds": 300,
              "series": [
                { "at": "2026-01-31T12:00:00.000Z", "succeeded": 790, "failed": 14, "latency": { "p50": 39.4, "p90": 85.0, "p95": 126.0, "p99": 503.8 } },
                { "at": "2026-01-31T12:05:00.000Z", "succeeded": 406, "failed": 0, "latency": { "p50": 37.4, "p90": 71.7, "p95": 92.2, "p99": 151.6 } }] }
            """,
        [typeof(ReplayResource)] = """
            { "replayId": "rpl_01jd3q5x7vf7h9k1n3q5s7v9x1", "kind": "endpoint",
              "filter": { "appId": "app_01jd3q5x7v5a7c9e1g3j5m7p9r", "endpointId": "ep_01jd3q5x7v8m2k4n6p8r0t2w4y", "since": "2026-01-31T00:00:00.000Z", "until": null,
                "status": "failed", "types": ["invoice.*"] },
              "status": "running", "reason": null, "searching": false, "matched": 1204, "queued": 1203, "skipped": 1, "succeeded": 871, "failed": 2, "canceled": 0,
              "createdAt": "2026-01-31T13:00:00.000Z", "finishedAt": null }
            """,
        [typeof(ChooseIssues)] = """{ "issueIds": ["anom_01jd3q5x7vn4q6s8v0x2z4b6d8"] }""",
        [typeof(IssueResource)] = Issue,
        [typeof(MovedIssues)] = $$"""{ "data": [{{Issue}}] }""",
        [typeof(MemberResource)] = $"{{ {Member} }}",
        [typeof(ChangeMember)] = """{ "role": "admin" }""",
        [typeof(InviteMember)] = """{ "email": "grace@example.com", "role": "member" }""",
        [typeof(InvitationResource)] = $"{{ {Invitation} }}",
        [typeof(InvitationWithUrl)] = $$"""{ "url": "https://hooks.example.com/join/4l2nB8q0…", "mailed": false, {{Invitation}} }""",
    };

    /// <summary>The example of a body's type; of a page, one with one item.</summary>
    public static JsonNode? Of(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Page<>)
            ? new JsonObject { ["data"] = new JsonArray(Of(type.GetGenericArguments()[0])), ["nextCursor"] = null }
            : Examples.TryGetValue(type, out var json) || IngestExamples.All.TryGetValue(type, out json) ? JsonNode.Parse(json) : null;
}
