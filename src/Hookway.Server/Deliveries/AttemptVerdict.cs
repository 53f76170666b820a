namespace Hookway.Deliveries;

/// <summary>What one attempt's result means for its delivery and its target.</summary>
/// <param name="Change">What happens to the delivery.</param>
/// <param name="NextAttemptAt">When it is tried again; null unless it will be.</param>
/// <param name="DisableReason">Why the target is to be disabled; null when it is not.</param>
public sealed record AttemptVerdict(DeliveryChange Change, DateTimeOffset? NextAttemptAt, string? DisableReason)
{
    /// <summary>Judges a result by the rules of the delivery: 2xx succeeds, the receiver's directives are followed, the rest is retried while the budget lasts.</summary>
    /// <param name="runAttempts">Attempts made in this run, this one included.</param>
    public static AttemptVerdict Of(AttemptResult result, int runAttempts, DeliveryTarget target, RetrySchedule schedule, DateTimeOffset now)
    {
        var disable = result.Directive is not ResponseDirective.DisableTarget ? null
            : result.ResponseStatus == StatusCodes.Status410Gone ? "The receiver answered 410 Gone."
            : "The receiver asked to be disabled.";
        if (result.Outcome is AttemptOutcome.Succeeded)
        {
            return new(DeliveryChange.AttemptSucceeded, null, disable);
        }
        if (disable is not null)
        {
            return new(DeliveryChange.TargetDisabled, null, disable);
        }
        if (result.Directive is ResponseDirective.AbortMessage)
        {
            return new(DeliveryChange.ReceiverAborted, null, null);
        }
        if (runAttempts >= target.RetryMaxAttempts)
        {
            return new(DeliveryChange.AttemptsExhausted, null, null);
        }
        return new(
            DeliveryChange.AttemptWillBeRepeated,
            now + schedule.DelayAfter(runAttempts, target.RetryBackoffSeconds, result.RetryAfter), null);
    }
}
