using System.Data.Common;
using System.Globalization;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Endpoints;
using Hookway.Storage;
using Hookway.Webhooks;

namespace Hookway.Dispatch.Messages;

/// <summary>Messages for endpoints, as the engine delivers them: builds and signs each request by the Standard Webhooks specification.</summary>
public sealed class MessageDeliveries(EndpointStore endpoints, MessageStore messages) : IDeliverySource
{
    private static readonly KeyValuePair<string, string> ContentType = new("content-type", "application/json");
    private static readonly KeyValuePair<string, string> UserAgent = new("user-agent", "Hookway/" + ProductVersion.Text);

    public async ValueTask<DeliveryTarget?> FindTarget(long targetNo) => (await endpoints.ViewTarget(targetNo))?.Target;

    public async ValueTask<PreparedAttempt?> Prepare(PendingDelivery delivery, DateTimeOffset now)
    {
        if (await endpoints.ViewTarget(delivery.TargetNo) is not { } endpoint
            || (delivery.Content as MessageContent ?? await messages.Content(delivery.MessageSeq)) is not { } content)
        {
            return null;
        }
        var custom = endpoint.Settings.Headers;
        var headers = new List<KeyValuePair<string, string>>(5 + custom.Count)
        {
            ContentType,
            UserAgent,
            new(WebhookHeaders.Id, content.MessageId),
            new(WebhookHeaders.Timestamp, now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)),
            new(WebhookHeaders.Signature, WebhookSignature.Sign(endpoint.SecretsAt(now), content.MessageId, now, content.Body)),
        };
        var shown = custom.Count == 0 ? headers : [.. headers, .. custom.Keys.Select(name => new KeyValuePair<string, string>(name, CustomHeaders.Mask))];
        headers = custom.Count == 0 ? headers : [.. headers, .. custom];
        return new PreparedAttempt(new DeliveryRequest(HttpMethod.Post, endpoint.Url, headers, content.Body), shown);
    }

    public Task<DeliveryChange?> EndedNow(WriteSession session, long targetNo) => EndpointStore.EndedNow(session, targetNo);

    public Task Disable(WriteSession session, ChangedSubjects touched, long targetNo, string reason, DateTimeOffset now) =>
        endpoints.Disable(session, touched, targetNo, reason, now);

    public Task Touch(WriteSession session, ChangedSubjects touched, long targetNo) => EndpointStore.Touch(session, touched, targetNo);

    public Task<TargetOwner?> FindOwner(DbConnection connection, long targetNo) => EndpointStore.FindOwner(connection, targetNo);

    public Task<IReadOnlyDictionary<long, string>> FindItemIds(DbConnection connection, IReadOnlyCollection<long> seqs) => MessageStore.FindIds(connection, seqs);
}
