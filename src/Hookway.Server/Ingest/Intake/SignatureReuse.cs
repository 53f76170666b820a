using System.Security.Cryptography;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>
/// Signatures that come a second time with something else beside them. Where a vendor signs a value that it uses once and not the event, what comes later is refused. Where it signs the
/// body but not the id, the same body under another id is marked: it may be a replay, or genuine (two webhooks of one thing), so it is forwarded all the same, and people are told.
/// </summary>
internal static class SignatureReuse
{
    private const string Body = "{body}";

    /// <summary>By what it is known again that something is signed; null where that is of no matter.</summary>
    public static byte[]? KeyOf(VendorPreset vendor, Verdict verdict, EventFacts facts)
    {
        if (!verdict.IsVerified)
        {
            return null;
        }
        if (vendor.Scheme.Once)
        {
            return EventStore.KeyOf("once:" + Convert.ToHexStringLower(SHA256.HashData(verdict.Vouched.Span)));
        }
        return facts.IsIdOutsideBody && vendor.Scheme.Content is [{ Text: Body }]
            ? EventStore.KeyOf($"signed:{(vendor.BodyIsShared ? facts.Type : "")}:{Convert.ToHexStringLower(SHA256.HashData(verdict.Vouched.Span))}")
            : null;
    }

    /// <summary>
    /// Which of these events bear a signature that may be used once and was, by another event with another body. Those that are the first to use theirs have used it from now on.
    /// </summary>
    public static async Task<IReadOnlySet<long>> FindRefused(WriteSession session, IReadOnlyList<(ReceivedEvent Event, long Seq)> items)
    {
        var refused = new HashSet<long>();
        var once = items.Where(item => item.Event.SignedKey is not null && item.Event.View.Preset.Scheme.Once).ToList();
        if (once.Count == 0)
        {
            return refused;
        }
        List<EventKey> keys = [.. once.Select(item => new EventKey(item.Event.View.Source.No, item.Event.SignedKey!, item.Event.Trust, item.Seq))
            .OrderBy(key => key.SourceNo).ThenBy(key => Convert.ToHexString(key.Key), StringComparer.Ordinal).ThenBy(key => key.Seq)];
        await EventStore.ClaimKeys(session, keys);
        var used = (await EventStore.FindKeys(session, keys)).Distinct().ToDictionary(key => (key.SourceNo, Convert.ToHexString(key.Key)), key => key.Seq);
        foreach (var (item, seq) in once)
        {
            var first = used[(item.View.Source.No, Convert.ToHexString(item.SignedKey!))];
            if (first == seq)
            {
                continue;
            }
            var isSame = once.Find(other => other.Seq == first).Event is { } beside ? beside.Request.Body.Span.SequenceEqual(item.Request.Body.Span)
                : await EventStore.HasBody(session, first, item.Request.Body);
            if (!isSame)
            {
                refused.Add(seq);
            }
        }
        return refused;
    }

    /// <summary>What such an event is judged.</summary>
    public static Verdict Refuse(Verdict verdict) => new(
        SignatureStatus.Failed, SignatureCoverage.None, VerdictReasons.SignatureReused,
        "The signature is right, but came before with another event: the vendor uses each once. It is a replay, with something put in its place.", verdict.Evidence);
}
