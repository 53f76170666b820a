namespace Hookway.Webhooks;

/// <summary>How a message is signed; each secret belongs to one scheme.</summary>
public enum SignatureScheme
{
    /// <summary><c>v1</c>: sender and receiver share a <c>whsec_</c> secret.</summary>
    HmacSha256,

    /// <summary><c>v1a</c>: the sender signs with a <c>whsk_</c> key, receivers verify with its <c>whpk_</c> key.</summary>
    Ed25519,
}
