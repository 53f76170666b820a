using Hookway.Webhooks;

namespace Hookway.Dispatch.Endpoints;

/// <summary>The names of signature schemes in the API.</summary>
public static class SignatureNames
{
    public const string Hmac = "hmac-sha256";
    public const string Ed25519 = "ed25519";

    public static string Of(SignatureScheme scheme) => scheme is SignatureScheme.Ed25519 ? Ed25519 : Hmac;

    /// <summary>What a receiver needs to verify: the shared secret, or the public key.</summary>
    public static string Shown(WebhookSecret secret) => secret.PublicKey ?? secret.Reveal();
}
