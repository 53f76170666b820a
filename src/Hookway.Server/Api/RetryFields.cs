namespace Hookway.Api;

/// <summary>The fields by which whatever is called says how often it is tried and how fast it is called.</summary>
public static class RetryFields
{
    private const int MostAttempts = 20;
    private const int MostBackoffSeconds = 3_600;
    private const int MostPerMinute = 1_000_000;

    /// <summary>Adds what is wrong with them, by field.</summary>
    public static void Check(int maxAttempts, int backoffSeconds, int? ratePerMinute, FieldErrors errors)
    {
        if (maxAttempts is < 1 or > MostAttempts)
        {
            errors.Add("retryMaxAttempts", $"must be from 1 to {MostAttempts}");
        }
        if (backoffSeconds is < 1 or > MostBackoffSeconds)
        {
            errors.Add("retryBackoffSeconds", $"must be from 1 to {MostBackoffSeconds}");
        }
        if (ratePerMinute is < 1 or > MostPerMinute)
        {
            errors.Add("rateLimitPerMinute", $"must be from 1 to {MostPerMinute}, or null for no limit");
        }
    }
}
