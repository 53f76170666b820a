using Hookway.Ingest.Destinations;
using Hookway.Ingest.Intake;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;

namespace Hookway.Hosting;

/// <summary>Examples of what the routes of ingest take and give.</summary>
internal static class IngestExamples
{
    private const string Event = """
        "eventId": "evt_01jd3q5x7v9c1e3g5j7m9p1r3t", "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y", "vendor": "stripe", "vendorEventId": "evt_1PqK2eFgh", "type": "invoice.paid",
        "entityKey": "in_1PqK2cFgh", "signatureStatus": "verified", "signatureCoverage": "body", "signatureError": null, "signatureErrorDetail": null, "duplicateOf": null,
        "status": "succeeded", "method": "POST", "path": "/ingest/src_01jd3q5x7v4g6j8m0p2r4t6w8y/••••••", "bodySize": 27, "contentType": "application/json; charset=utf-8",
        "sourceIp": "3.18.12.63", "occurredAt": "2026-01-31T11:59:58.000Z", "receivedAt": "2026-01-31T12:00:00.000Z",
        "deliveries": [{ "destinationId": "dst_01jd3q5x7v0d2f4h6k8n0q2s4v", "url": "https://app.example.com/webhooks/stripe", "status": "succeeded", "attemptCount": 1,
          "nextAttemptAt": null, "lastResponseStatus": 200, "lastError": null, "reason": null }]
        """;

    private const string EventWithRequest = $$"""
        { {{Event}}, "headers": [{ "name": "Content-Type", "value": "application/json; charset=utf-8" }, { "name": "Stripe-Signature", "value": "t=1769860800,v1=5257a869…" }],
          "body": "{\"id\":\"evt_1PqK2eFgh\", … }", "bodyEncoding": "text" }
        """;

    public static IReadOnlyDictionary<Type, string> All { get; } = new Dictionary<Type, string>
    {
        [typeof(CreateSource)] = """{ "name": "Stripe live", "vendor": "stripe", "signingSecret": "whsec_5f1c9e…", "expectations": { "invoice-settled": 172800, "payment-captured": null } }""",
        [typeof(ChangeSource)] = """{ "signingSecret": ["whsec_5f1c9e…", "whsec_9b2d4a…"], "enabled": true }""",
        [typeof(RotateToken)] = """{ "gracePeriodSeconds": 86400 }""",
        [typeof(SourceResource)] = """
            { "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y", "name": "Stripe live", "vendor": "stripe",
              "ingestUrl": "https://hooks.example.com/ingest/src_01jd3q5x7v4g6j8m0p2r4t6w8y/Jt0mX3vQ8rY5bK1nW7cP2sL9dF4gH6zA", "publicUrl": null, "hasSigningSecret": true,
              "verification": null, "forwardDuplicates": false, "enabled": true, "retentionDays": null, "rateLimitPerMinute": null,
              "expectations": { "invoice-settled": 172800, "payment-captured": null }, "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z",
              "archivedAt": null, "lastEventAt": "2026-01-31T12:30:00.000Z",
              "counts": { "events": 1204, "verified": 1201, "failed": 3, "unchecked": 0, "duplicates": 12, "refused": 0 } }
            """,
        [typeof(RefusedRequestList)] = """
            { "data": [{ "refusedAt": "2026-01-31T12:00:00.000Z", "method": "POST", "sourceIp": "203.0.113.7", "status": 413, "code": "payload_too_large",
                "detail": "The request body is over the limit of 1048576 bytes.", "requestId": "req_01jd3q5x7v0000000000000000" }],
              "nextCursor": null, "total": 1, "counts": { "payload_too_large": 1 } }
            """,
        [typeof(VendorList)] = """
            { "data": [{ "vendor": "stripe", "name": "Stripe", "category": "payments", "documentation": "https://docs.stripe.com/webhooks",
                "secretLabel": "Signing secret of the endpoint (whsec_…)", "algorithm": "hmac-sha256", "coverage": "body", "headers": ["Stripe-Signature"], "toleranceSeconds": 300,
                "eventIdPaths": ["{body:id}"], "eventTypePaths": ["{body:type}"], "entityKeyPaths": ["{body:data.object.id}", "{body:related_object.id}"],
                "timePaths": ["{body:created}"], "apiVersionPath": "{body:api_version}", "retryCountPath": null,
                "gapRules": [{ "name": "payment-captured", "kind": "expect", "text": "An authorised payment is captured or canceled within seven days.", "withinSeconds": 604800 }],
                "setupSteps": ["In the Stripe Dashboard open Workbench › Webhooks and add a destination.", "Paste the ingest URL as the endpoint URL."] }] }
            """,
        [typeof(CreateDestination)] = """
            { "name": "Billing service", "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y", "endpointUrl": "https://app.example.com/webhooks/stripe", "filterEventTypes": ["invoice.*"],
              "filterBodyPath": "livemode", "filterBodyValue": true, "retryMaxAttempts": 12 }
            """,
        [typeof(ChangeDestination)] = """{ "transformExpression": "{invoice: data.object.id, customer: data.object.customer}", "paused": false }""",
        [typeof(DestinationResource)] = """
            { "destinationId": "dst_01jd3q5x7v0d2f4h6k8n0q2s4v", "name": "Billing service", "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y",
              "endpointUrl": "https://app.example.com/webhooks/stripe", "appId": null, "hasSigningSecret": true, "filterEventTypes": ["invoice.*"], "filterEntityKey": null,
              "filterBodyPath": "livemode", "filterBodyValue": true, "transformBodyPath": null, "transformExpression": null, "retryMaxAttempts": 12, "retryBackoffSeconds": 5,
              "rateLimitPerMinute": null, "headers": { "x-tenant": "••••••" }, "ordered": false, "enabled": true, "paused": false, "disabledReason": null, "status": "healthy",
              "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z" }
            """,
        [typeof(EventAttemptResource)] = """
            { "attemptId": "att_01jd3q5x7v2b4d6f8h0j2m4p6r", "eventId": "evt_01jd3q5x7v9c1e3g5j7m9p1r3t", "destinationId": "dst_01jd3q5x7v0d2f4h6k8n0q2s4v",
              "url": "https://app.example.com/webhooks/stripe", "number": 1, "trigger": "automatic", "status": "failed", "responseStatus": 503, "responseHeaders": { "Retry-After": "120" },
              "responseBody": "busy", "error": "http_status", "errorDetail": "The receiver answered 503.", "durationMs": 41,
              "requestHeaders": { "Stripe-Signature": "t=1769860800,v1=5257a869…", "hookway-event-id": "evt_01jd3q5x7v9c1e3g5j7m9p1r3t", "hookway-attempt": "1" },
              "startedAt": "2026-01-31T12:00:00.000Z", "nextAttemptAt": "2026-01-31T12:02:00.000Z" }
            """,
        [typeof(RetryJobResource)] = """
            { "eventId": "evt_01jd3q5x7v9c1e3g5j7m9p1r3t", "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y", "destinationId": "dst_01jd3q5x7v0d2f4h6k8n0q2s4v",
              "url": "https://app.example.com/webhooks/stripe", "status": "pending", "attemptCount": 1, "nextAttemptAt": "2026-01-31T12:02:00.000Z", "lastResponseStatus": 503,
              "lastError": "http_status" }
            """,
        [typeof(ReplayEvent)] = """{ "destinationId": "dst_01jd3q5x7v0d2f4h6k8n0q2s4v" }""",
        [typeof(ReplayEvents)] = """{ "sourceId": "src_01jd3q5x7v4g6j8m0p2r4t6w8y", "type": "invoice.*", "status": "failed", "since": "2026-01-31T00:00:00Z", "dryRun": false }""",
        [typeof(DryReplay)] = """{ "matched": 217, "complete": true }""",
        [typeof(EventResource)] = EventWithRequest,
        [typeof(VerifyEvent)] = """{ "release": true }""",
        [typeof(EventVerification)] = $$"""
            { "verified": true, "reason": "verified", "detail": "The signature in the header Stripe-Signature is right.",
              "evidence": { "algorithm": "hmac-sha256", "signatureFrom": "the header Stripe-Signature", "encoding": "hex", "signedContent": "{timestamp}.{body}", "secretsTried": 2,
                "secretMatched": 2, "received": ["5257a869…"], "timestamp": "1769860800", "signedAt": "2026-01-31T12:00:00.000Z", "ageSeconds": 0.4, "toleranceSeconds": 300 },
              "released": true, "event": {{EventWithRequest}} }
            """,
    };
}
