using System.Text;
using System.Text.Json;
using Hookway.Access.Members;
using Hookway.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Api;

/// <summary>
/// Every operation of the API's document: its success, and the requests that it must refuse with a 400 that names the field. 401, 403 for each wrong scope and 404 across workspaces are
/// walked for every route by <see cref="Access.AuthenticationTests"/>; that each answer fits its schema is checked by <see cref="ApiConformance"/>. An operation that is not in the table fails.
/// </summary>
public sealed class OperationsTests
{
    /// <summary>What must be refused: a query or a body, and the field that the answer must name.</summary>
    private sealed record Refusal(string QueryOrBody, string Field);

    private static readonly Refusal[] Unpaged = [];
    private static readonly Refusal[] Paged = [new("?limit=0", "limit"), new("?limit=251", "limit"), new("?limit=x", "limit"), new("?cursor=bm90IG9uZQ", "cursor"), new("?surprise=1", "surprise")];

    /// <summary>Operation → the requests that it must refuse.</summary>
    private static readonly Dictionary<string, Refusal[]> Refusals = new()
    {
        ["createAnApp"] = [new("{}", "name"), new("""{"name":1}""", "name"), new("""{"name":"x","routingKeyBodyPath":"a..b"}""", "routingKeyBodyPath"), new("""{"name":"x","routingKeyHeader":"not a header"}""", "routingKeyHeader"), new("""{"name":"x","surprise":1}""", "surprise")],
        ["listApps"] = [.. Paged, new("?includeArchived=perhaps", "includeArchived")],
        ["fetchAnApp"] = Unpaged,
        ["changeAnApp"] = [new("""{"name":null}""", "name"), new("""{"routingKeyBodyPath":"["}""", "routingKeyBodyPath"), new("""{"surprise":1}""", "surprise")],
        ["archiveAnApp"] = Unpaged,
        ["publishAnEventType"] = [new("""{"description":1}""", "description"), new("""{"schema":{"$ref":"https://example.com/s"}}""", "schema"), new("""{"surprise":1}""", "surprise")],
        ["fetchAnEventType"] = Unpaged,
        ["archiveAnEventType"] = Unpaged,
        ["listEventTypes"] = [.. Paged, new("?includeArchived=1", "includeArchived")],
        ["createOrReplaceARecipient"] = [new("""{"metadata":[]}""", "metadata"), new("""{"name":1}""", "name"), new("""{"surprise":1}""", "surprise")],
        ["fetchARecipient"] = Unpaged,
        ["deleteARecipient"] = [new("?purge=perhaps", "purge"), new("?surprise=1", "surprise")],
        ["listRecipients"] = Paged,
        ["explainWhatARecipientGot"] = [new("?since=yesterday", "since"), new("?surprise=1", "surprise")],
        ["createAnEndpoint"] =
        [
            new("{}", "recipient"), new("{}", "url"), new("""{"recipient":"a b","url":"http://127.0.0.1/"}""", "recipient"), new("""{"recipient":"a","url":"ftp://example.com"}""", "url"),
            new("""{"recipient":"a","url":"http://10.0.0.1/"}""", "url"), new("""{"recipient":"a","url":"http://127.0.0.1/","retryMaxAttempts":21}""", "retryMaxAttempts"),
            new("""{"recipient":"a","url":"http://127.0.0.1/","signature":"md5"}""", "signature"), new("""{"recipient":"a","url":"http://127.0.0.1/","headers":{"host":"x"}}""", "headers.host"),
            new("""{"recipient":"a","url":"http://127.0.0.1/","surprise":1}""", "surprise"),
        ],
        ["listEndpoints"] = [.. Paged, new("?enabled=perhaps", "enabled")],
        ["fetchAnEndpoint"] = Unpaged,
        ["changeAnEndpoint"] = [new("""{"url":null}""", "url"), new("""{"paused":null}""", "paused"), new("""{"retryBackoffSeconds":0}""", "retryBackoffSeconds"), new("""{"rateLimitPerMinute":0}""", "rateLimitPerMinute"), new("""{"eventTypes":["a b"]}""", "eventTypes[0]"), new("""{"surprise":1}""", "surprise")],
        ["deleteAnEndpoint"] = Unpaged,
        ["revealTheSigningSecret"] = Unpaged,
        ["rotateTheSigningSecret"] = [new("""{"gracePeriodSeconds":604801}""", "gracePeriodSeconds"), new("""{"secret":"whsec_x"}""", "secret"), new("""{"surprise":1}""", "surprise")],
        ["sendATestMessage"] = [new("""{"type":"not.published"}""", "type"), new("""{"surprise":1}""", "surprise")],
        ["replayToAnEndpoint"] = [new("{}", "since"), new("""{"since":"yesterday"}""", "since"), new("""{"since":"2026-01-31T12:00:00Z","status":"some"}""", "status"), new("""{"since":"2026-01-31T12:00:00Z","surprise":1}""", "surprise")],
        ["fetchAnEndpointStats"] = [new("?since=yesterday", "since"), new("?surprise=1", "surprise")],
        ["listAnEndpointAttempts"] = [.. Paged, new("?status=some", "status"), new("?since=yesterday", "since"), new("?until=x", "until")],
        ["sendAMessage"] =
        [
            new("{}", "type"), new("""{"recipient":"a b","type":"invoice.paid"}""", "recipient"), new("""{"recipient":"a","type":"not.published"}""", "type"),
            new("""{"recipient":"a","type":"invoice.paid","messageId":"msg_own"}""", "messageId"), new("""{"recipient":"a","type":"invoice.paid","deliverAt":"2099-01-01T00:00:00Z"}""", "deliverAt"),
            new("""{"recipient":"a","type":"invoice.paid","surprise":1}""", "surprise"),
        ],
        ["listMessages"] = [.. Paged, new("?status=some", "status"), new("?since=yesterday", "since"), new("?inPayload=true", "q")],
        ["sendMessagesInABatch"] = [new("{}", "messages"), new("""{"messages":[]}""", "messages"), new("""{"messages":[{}],"surprise":1}""", "surprise")],
        ["fetchAMessage"] = Unpaged,
        ["listAMessageAttempts"] = [.. Paged, new("?status=some", "status")],
        ["replayAMessage"] = [new("""{"endpointId":1}""", "endpointId"), new("""{"surprise":1}""", "surprise")],
        ["cancelAMessage"] = Unpaged,
        ["eraseAMessageData"] = Unpaged,
        ["listRefusedMessages"] = [.. Paged, new("?since=yesterday", "since")],
        ["openAPortalSession"] =
        [
            new("{}", "recipient"), new("""{"recipient":"a","capabilities":[]}""", "capabilities"), new("""{"recipient":"a","expiresInSeconds":59}""", "expiresInSeconds"),
            new("""{"recipient":"a","returnUrl":"javascript:alert(1)"}""", "returnUrl"), new("""{"recipient":"a","theme":"pink"}""", "theme"), new("""{"recipient":"a","surprise":1}""", "surprise"),
        ],
        ["revokeAPortalSession"] = Unpaged,
        ["createASource"] =
        [
            new("{}", "name"), new("""{"name":"x","vendor":"nobody"}""", "vendor"), new("""{"name":"x","vendor":"github","signingSecret":1}""", "signingSecret"),
            new("""{"name":"x","publicUrl":"ftp://example.com"}""", "publicUrl"), new("""{"name":"x","retentionDays":0}""", "retentionDays"),
            new("""{"name":"x","vendor":"github","verification":{"algorithm":"token","header":"X-Token"}}""", "verification"), new("""{"name":"x","surprise":1}""", "surprise"),
        ],
        ["listSources"] = [.. Paged, new("?includeArchived=perhaps", "includeArchived")],
        ["fetchASource"] = Unpaged,
        ["changeASource"] = [new("""{"name":null}""", "name"), new("""{"enabled":null}""", "enabled"), new("""{"rateLimitPerMinute":0}""", "rateLimitPerMinute"), new("""{"surprise":1}""", "surprise")],
        ["archiveASource"] = Unpaged,
        ["rotateASourceToken"] = [new("""{"gracePeriodSeconds":-1}""", "gracePeriodSeconds"), new("""{"surprise":1}""", "surprise")],
        ["createADestination"] =
        [
            new("{}", "name"), new("{}", "sourceId"), new("{}", "endpointUrl"), new("""{"name":"x","sourceId":"src_x","endpointUrl":"http://127.0.0.1/","transformExpression":"a["}""", "transformExpression"),
            new("""{"name":"x","sourceId":"src_x","endpointUrl":"http://127.0.0.1/"}""", "sourceId"), new("""{"name":"x","sourceId":"src_x","endpointUrl":"http://127.0.0.1/","filterBodyPath":"a"}""", "filterBodyValue"),
            new("""{"name":"x","surprise":1}""", "surprise"),
        ],
        ["listDestinations"] = Paged,
        ["fetchADestination"] = Unpaged,
        ["changeADestination"] = [new("""{"name":null}""", "name"), new("""{"enabled":null}""", "enabled"), new("""{"appId":"app_x"}""", "appId"), new("""{"surprise":1}""", "surprise")],
        ["deleteADestination"] = Unpaged,
        ["listRefusedRequests"] = Paged,
        ["listVendors"] = Unpaged,
        ["listEvents"] = [.. Paged, new("?signatureStatus=some", "signatureStatus"), new("?status=some", "status"), new("?since=yesterday", "since"), new("?until=x", "until")],
        ["fetchAnEvent"] = Unpaged,
        ["fetchAnEventBody"] = Unpaged,
        ["verifyAnEvent"] = [new("""{"release":"yes"}""", "release"), new("""{"surprise":1}""", "surprise")],
        ["listAttempts"] = [.. Paged, new("?status=some", "status"), new("?since=yesterday", "since"), new("?until=x", "until")],
        ["listRetryJobs"] = [.. Paged, new("?status=failed", "status")],
        ["replayAnEvent"] = [new("""{"destinationId":1}""", "destinationId"), new("""{"surprise":1}""", "surprise")],
        ["replayEvents"] = [new("""{"status":"some"}""", "status"), new("""{"since":"yesterday"}""", "since"), new("""{"since":"2026-01-31T12:00:00Z","until":"2026-01-31T12:00:00Z"}""", "until"), new("""{"surprise":1}""", "surprise")],
        ["listReplays"] = [.. Paged, new("?kind=some", "kind"), new("?status=some", "status"), new("?since=yesterday", "since")],
        ["fetchAReplay"] = Unpaged,
        ["cancelAReplay"] = Unpaged,
        ["listIssues"] = [.. Paged, new("?status=some", "status"), new("?kind=some", "kind")],
        ["fetchAnIssue"] = Unpaged,
        ["acknowledgeIssues"] = [new("{}", "issueIds"), new("""{"issueIds":[]}""", "issueIds"), new("""{"issueIds":["x"],"surprise":1}""", "surprise")],
        ["ignoreIssues"] = [new("{}", "issueIds"), new("""{"issueIds":"x"}""", "issueIds")],
        ["resolveIssues"] = [new("{}", "issueIds"), new("""{"issueIds":null}""", "issueIds")],
        ["fetchTheWorkspace"] = Unpaged,
        ["changeTheWorkspace"] = [new("""{"portalCapabilities":["everything"]}""", "portalCapabilities[0]"), new("""{"surprise":1}""", "surprise")],
        ["createAnAPIKey"] = [new("{}", "name"), new("{}", "scopes"), new("""{"name":"x","scopes":["app:fly"]}""", "scopes[0]"), new("""{"name":"x","scopes":["app:read"],"expiresAt":"2020-01-01T00:00:00Z"}""", "expiresAt"), new("""{"name":"x","scopes":["app:read"],"surprise":1}""", "surprise")],
        ["listAPIKeys"] = Paged,
        ["revokeAnAPIKey"] = Unpaged,
        ["listTheAuditLog"] = [.. Paged, new("?since=yesterday", "since")],
        ["listMembers"] = Paged,
        ["listInvitations"] = Paged,
        ["inviteAMember"] = [new("""{"email":"nobody","role":"member"}""", "email"), new("""{"email":"a@example.com","role":"boss"}""", "role"), new("""{"email":"a@example.com","role":"member","surprise":1}""", "surprise")],
        ["revokeAnInvitation"] = Unpaged,
        ["fetchAMember"] = Unpaged,
        ["changeAMemberRole"] = [new("""{"role":"boss"}""", "role"), new("""{"surprise":1}""", "surprise")],
        ["removeAMember"] = Unpaged,
    };

    /// <summary>Writes that change no configuration. Every other one is in the audit log, under the request that made it.</summary>
    private static readonly HashSet<string> NoConfiguration =
    [
        "sendAMessage", "sendMessagesInABatch", "sendATestMessage", "replayAMessage", "replayToAnEndpoint", "cancelAReplay", "cancelAMessage", "eraseAMessageData", "verifyAnEvent", "replayAnEvent", "replayEvents",
    ];

    [Fact]
    public void The_table_has_every_operation_of_the_document() => Refusals.Keys.ShouldBe(ApiConformance.Operations.Keys, ignoreOrder: true);

    [Fact]
    public async Task Every_operation_succeeds_once_and_refuses_what_it_should()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var ids = await SetUp(server, receiver);
        var done = new HashSet<string>();
        foreach (var (method, path, body) in Successes(receiver.Url))
        {
            var filled = Fill(path, ids);
            var operation = ApiConformance.OperationOf(method, filled);
            operation.ShouldNotBeNull($"{method} {filled} is not in the document");
            foreach (var refusal in Refusals[operation])
            {
                var answer = refusal.QueryOrBody.StartsWith('?')
                    ? await server.Request(method, filled.Split('?')[0] + refusal.QueryOrBody, null)
                    : await server.Raw(method, filled, refusal.QueryOrBody);
                answer.Status.ShouldBe(400, $"{operation} {refusal.QueryOrBody}: {Encoding.UTF8.GetString(answer.Bytes)}");
                answer.ExpectInvalid(refusal.Field);
            }
            var success = await server.Request(method, filled, body is null ? null : new StringContent(Fill(body, ids), Encoding.UTF8, "application/json"));
            success.Status.ShouldBeInRange(200, 202, $"{method} {filled}: {Encoding.UTF8.GetString(success.Bytes)}");
            ApiConformance.Operations[operation]["responses"]!.AsObject().ContainsKey($"{success.Status}").ShouldBeTrue(operation);
            await ExpectInAuditLog(server, success, method != HttpMethod.Get && !NoConfiguration.Contains(operation), operation);
            if (success.ContentType is "application/json")
            {
                Remember(ids, success.Body);
            }
            done.Add(operation);
        }
        ApiConformance.Operations.Keys.Except(done).ShouldBeEmpty("they have no success here");
    }

    private static async Task ExpectInAuditLog(TestServer server, Answer answer, bool expected, string operation)
    {
        var request = answer.Headers.GetValues("Request-Id").Single();
        var entries = (await server.Get("/api/v1/audit-log")).Expect(200).Items.Where(entry => entry.GetProperty("requestId").GetString() == request).ToList();
        entries.Count.ShouldBe(expected ? Math.Max(1, entries.Count) : 0, operation);
        entries.ShouldAllBe(entry => entry.GetProperty("actor").GetString()!.StartsWith("key_"), operation);
    }

    /// <summary>In an order in which each finds what it needs.</summary>
    private static IEnumerable<(HttpMethod Method, string Path, string? Body)> Successes(Uri receiver)
    {
        const string App = "/api/v1/apps/{appId}";
        return
        [
            (HttpMethod.Post, "/api/v1/apps", """{"name":"Second"}"""),
            (HttpMethod.Get, "/api/v1/apps", null),
            (HttpMethod.Get, App, null),
            (HttpMethod.Patch, App, """{"name":"Renamed"}"""),
            (HttpMethod.Put, App + "/event-types/invoice.paid", """{"examplePayload":{"amount":1},"schema":{"type":"object"}}"""),
            (HttpMethod.Get, App + "/event-types", null),
            (HttpMethod.Get, App + "/event-types/invoice.paid", null),
            (HttpMethod.Put, App + "/recipients/customer_2", """{"name":"Acme","metadata":{"plan":"pro"}}"""),
            (HttpMethod.Put, App + "/recipients/customer_3", "{}"),
            (HttpMethod.Get, App + "/recipients", null),
            (HttpMethod.Get, App + "/recipients/customer_2", null),
            (HttpMethod.Get, App + "/recipients/customer_2/explain?type=invoice.paid", null),
            (HttpMethod.Post, App + "/endpoints", $$"""{"recipient":"customer_2","url":"{{receiver}}","headers":{"x-tenant":"acme"},"filter":[{"bodyPath":"amount","exists":true}]}"""),
            (HttpMethod.Get, App + "/endpoints", null),
            (HttpMethod.Get, App + "/endpoints/{endpointId}", null),
            (HttpMethod.Patch, App + "/endpoints/{endpointId}", """{"name":"Production"}"""),
            (HttpMethod.Get, App + "/endpoints/{endpointId}/secret", null),
            (HttpMethod.Post, App + "/endpoints/{endpointId}/rotate-secret", "{}"),
            (HttpMethod.Post, App + "/endpoints/{endpointId}/test", """{"type":"invoice.paid"}"""),
            (HttpMethod.Post, App + "/messages", """{"recipient":"customer_2","type":"invoice.paid","data":{"amount":1}}"""),
            (HttpMethod.Post, App + "/messages/batch", """{"messages":[{"recipient":"customer_2","type":"invoice.paid","messageId":"own","data":{}},{"recipient":"customer_2","type":"not.published"}]}"""),
            (HttpMethod.Get, App + "/messages", null),
            (HttpMethod.Get, App + "/messages/{messageId}", null),
            (HttpMethod.Get, App + "/messages/{messageId}/attempts", null),
            (HttpMethod.Post, App + "/messages/{messageId}/replay", """{"endpointId":"{endpointId}"}"""),
            (HttpMethod.Get, App + "/endpoints/{endpointId}/attempts", null),
            (HttpMethod.Get, App + "/endpoints/{endpointId}/stats", null),
            (HttpMethod.Post, App + "/endpoints/{endpointId}/replay", """{"since":"2026-01-31T12:00:00Z","status":"all"}"""),
            (HttpMethod.Post, "/api/v1/ingest/sources", """{"name":"Payments","vendor":"stripe","signingSecret":["whsec_1","whsec_2"]}"""),
            (HttpMethod.Get, "/api/v1/ingest/sources", null),
            (HttpMethod.Get, "/api/v1/ingest/sources/{sourceId}", null),
            (HttpMethod.Patch, "/api/v1/ingest/sources/{sourceId}", """{"retentionDays":7}"""),
            (HttpMethod.Post, "/api/v1/ingest/sources/{sourceId}/rotate-token", "{}"),
            (HttpMethod.Get, "/api/v1/ingest/sources/{sourceId}/refused-requests", null),
            (HttpMethod.Post, "/api/v1/ingest/destinations", $$"""{"name":"App","sourceId":"{sourceId}","endpointUrl":"{{receiver}}","filterEventTypes":"invoice.*","filterBodyPath":"a.b","filterBodyValue":1,"headers":{"x-a":"b"} }"""),
            (HttpMethod.Get, "/api/v1/ingest/destinations", null),
            (HttpMethod.Get, "/api/v1/ingest/destinations/{destinationId}", null),
            (HttpMethod.Patch, "/api/v1/ingest/destinations/{destinationId}", """{"filterEventTypes":["invoice.*"],"ordered":true}"""),
            (HttpMethod.Get, "/api/v1/ingest/vendors", null),
            (HttpMethod.Get, "/api/v1/ingest/events?type=issues", null),
            (HttpMethod.Get, "/api/v1/ingest/events/{eventId}", null),
            (HttpMethod.Get, "/api/v1/ingest/events/{eventId}/body", null),
            (HttpMethod.Post, "/api/v1/ingest/events/{eventId}/verify", """{"release":true}"""),
            (HttpMethod.Get, "/api/v1/ingest/attempts?destinationId={destinationId}", null),
            (HttpMethod.Get, "/api/v1/ingest/retry-jobs", null),
            (HttpMethod.Post, "/api/v1/ingest/events/{eventId}/replay", "{}"),
            (HttpMethod.Post, "/api/v1/ingest/replays", """{"sourceId":"{sourceId}","status":"failed"}"""),
            (HttpMethod.Delete, "/api/v1/ingest/destinations/{destinationId}", null),
            (HttpMethod.Delete, "/api/v1/ingest/sources/{sourceId}", null),
            (HttpMethod.Get, "/api/v1/replays", null),
            (HttpMethod.Get, "/api/v1/replays/{replayId}", null),
            (HttpMethod.Post, "/api/v1/replays/{replayId}/cancel", null),
            (HttpMethod.Get, App + "/refused-messages", null),
            (HttpMethod.Post, App + "/portal-sessions", """{"recipient":"customer_2","theme":"dark"}"""),
            (HttpMethod.Delete, App + "/portal-sessions/{portalSessionId}", null),
            (HttpMethod.Post, App + "/messages/{messageId}/cancel", null),
            (HttpMethod.Delete, App + "/messages/{messageId}/payload", null),
            (HttpMethod.Get, "/api/v1/ingest/issues", null),
            (HttpMethod.Get, "/api/v1/ingest/issues/{issueId}", null),
            (HttpMethod.Post, "/api/v1/ingest/issues/acknowledge", """{"issueIds":["{issueId}"]}"""),
            (HttpMethod.Post, "/api/v1/ingest/issues/ignore", """{"issueIds":["{issueId}"]}"""),
            (HttpMethod.Post, "/api/v1/ingest/issues/resolve", """{"issueIds":["{issueId}"]}"""),
            (HttpMethod.Get, "/api/v1/workspace", null),
            (HttpMethod.Patch, "/api/v1/workspace", """{"portalCapabilities":["endpoints:read"]}"""),
            (HttpMethod.Post, "/api/v1/api-keys", """{"name":"Billing","scopes":["message:write"]}"""),
            (HttpMethod.Get, "/api/v1/api-keys", null),
            (HttpMethod.Delete, "/api/v1/api-keys/{keyId}", null),
            (HttpMethod.Get, "/api/v1/members", null),
            (HttpMethod.Get, "/api/v1/members/{userId}", null),
            (HttpMethod.Patch, "/api/v1/members/{userId}", """{"role":"member"}"""),
            (HttpMethod.Delete, "/api/v1/members/{userId}", null),
            (HttpMethod.Post, "/api/v1/members/invitations", """{"email":"grace@example.com","role":"member"}"""),
            (HttpMethod.Get, "/api/v1/members/invitations", null),
            (HttpMethod.Delete, "/api/v1/members/invitations/{invitationId}", null),
            (HttpMethod.Get, "/api/v1/audit-log", null),
            (HttpMethod.Delete, App + "/endpoints/{endpointId}", null),
            (HttpMethod.Delete, App + "/recipients/customer_2", null),
            (HttpMethod.Delete, App + "/event-types/invoice.paid", null),
            (HttpMethod.Delete, App, null),
        ];
    }

    private static async Task<Dictionary<string, string>> SetUp(TestServer server, ReceiverStub receiver)
    {
        var app = await server.CreateApp();
        using var member = await PageClient.SignedIn(server, Roles.Viewer);
        var user = (await server.Get("/api/v1/members")).Items.Single().GetProperty("userId").GetString()!;
        await server.CreateEndpoint(app, new Uri("http://127.0.0.1:1/"), new { retryMaxAttempts = 1 }, "customer_9");
        await server.WaitForMessage(app, await server.Send(app, recipient: "customer_9"), "failed");
        (await server.Services.GetRequiredService<IssueWatch>().RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();
        var issue = (await server.Get("/api/v1/ingest/issues")).Items.Single().GetProperty("issueId").GetString()!;
        var gitHub = await server.CreateSource();
        var eventId = (await server.DeliverGitHub(gitHub, "d-1")).Expect(200).Text("eventId");
        return new Dictionary<string, string> { ["appId"] = app, ["eventId"] = eventId, ["endpointId"] = await server.CreateEndpoint(app, receiver.Url), ["userId"] = user, ["issueId"] = issue };
    }

    private static void Remember(Dictionary<string, string> ids, JsonElement answer)
    {
        foreach (var name in (string[])["endpointId", "messageId", "replayId", "keyId", "portalSessionId", "invitationId", "sourceId", "destinationId"])
        {
            if (answer.TryGetProperty(name, out var id) && id.ValueKind is JsonValueKind.String)
            {
                ids[name] = id.GetString()!;
            }
        }
    }

    private static string Fill(string text, Dictionary<string, string> ids) => ids.Aggregate(text, (filled, id) => filled.Replace($"{{{id.Key}}}", id.Value, StringComparison.Ordinal));
}
