using System.Globalization;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Anomalies;

/// <summary>The number, or the range of numbers, that an event has by a rule of its vendor.</summary>
/// <param name="Scope">What is numbered; empty for the whole source.</param>
public sealed record NumberedEvent(GapRule Rule, string Scope, long First, long Last)
{
    public static IEnumerable<NumberedEvent> Of(VendorPreset preset, VendorRequest request)
    {
        foreach (var rule in preset.Rules)
        {
            if (rule.Kind is GapRuleKind.Sequence && Number(rule.Sequence, request) is { } first && (rule.Scope is null ? "" : rule.Scope.For(request)) is { } scope)
            {
                var last = Number(rule.SequenceEnd, request) ?? first;
                yield return new NumberedEvent(rule, EventFacts.Kept(scope), Math.Min(first, last), Math.Max(first, last));
            }
        }
    }

    private static long? Number(ValueTemplate? template, VendorRequest request) =>
        template?.For(request) is { } text && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number is > -Most and < Most ? number : null;

    /// <summary>Far from where sums overflow.</summary>
    private const long Most = 1L << 60;
}
