namespace Hookway.Webhooks;

/// <summary>What came of verifying a message. Only <see cref="Verified"/> may be trusted.</summary>
public enum WebhookVerification
{
    // The first value is a refusal, so that a default value never passes for a verified message.
    MissingHeader,
    InvalidId,
    InvalidTimestamp,
    TooOld,
    TooNew,
    MalformedSignature,
    NoMatchingSignature,
    Verified,
}

/// <summary>What a <see cref="WebhookVerification"/> means.</summary>
public static class WebhookVerificationMeaning
{
    extension(WebhookVerification verification)
    {
        /// <summary>True only for a message whose signature and time are right.</summary>
        public bool IsVerified => verification == WebhookVerification.Verified;

        /// <summary>The verdict in one sentence.</summary>
        public string Reason => verification switch
        {
            WebhookVerification.MissingHeader =>
                "One of the headers webhook-id, webhook-timestamp and webhook-signature is missing or empty.",
            WebhookVerification.InvalidId => "The webhook-id is longer than 256 characters.",
            WebhookVerification.InvalidTimestamp => "The webhook-timestamp is not a whole number of seconds since 1970.",
            WebhookVerification.TooOld => "The webhook-timestamp lies too far in the past.",
            WebhookVerification.TooNew => "The webhook-timestamp lies too far in the future.",
            WebhookVerification.MalformedSignature =>
                "The webhook-signature holds no signature of the form \"v1,base64\" or is too long.",
            WebhookVerification.NoMatchingSignature => "No signature matches this message and any of the secrets.",
            WebhookVerification.Verified => "The signature is right.",
            _ => throw new ArgumentOutOfRangeException(nameof(verification)),
        };
    }
}
