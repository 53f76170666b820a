namespace Hookway.Webhooks;

/// <summary>The names of the three headers that a signed message carries.</summary>
public static class WebhookHeaders
{
    public const string Id = "webhook-id";
    public const string Timestamp = "webhook-timestamp";
    public const string Signature = "webhook-signature";
}
