using Hookway.Deliveries;

namespace Hookway.Tests.Deliveries;

public class RetryScheduleTests
{
    [Theory]
    [InlineData(1, 5, 5)]
    [InlineData(2, 5, 300)]
    [InlineData(3, 5, 1_800)]
    [InlineData(4, 5, 7_200)]
    [InlineData(5, 5, 18_000)]
    [InlineData(6, 5, 36_000)]
    [InlineData(7, 5, 36_000)]
    [InlineData(19, 5, 36_000)]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 60)]
    [InlineData(2, 10, 600)]
    [InlineData(1, 3600, 3_600)]
    [InlineData(2, 3600, 86_400)]
    public void The_delays_are_those_of_the_specification_scaled_by_the_backoff(int attempts, int backoff, int seconds)
    {
        var schedule = new RetrySchedule(RetrySchedule.DefaultDelays, new Random(1));
        for (var i = 0; i < 500; i++)
        {
            schedule.DelayAfter(attempts, backoff, null).TotalSeconds.ShouldBeInRange(seconds * 0.8, Math.Min(seconds * 1.2, 86_400));
        }
    }

    [Fact]
    public void The_jitter_reaches_both_ways()
    {
        var schedule = new RetrySchedule(RetrySchedule.DefaultDelays, new Random(1));
        var seconds = Enumerable.Range(0, 1_000).Select(_ => schedule.DelayAfter(1, 5, null).TotalSeconds).ToList();
        seconds.Min().ShouldBeLessThan(4.1);
        seconds.Max().ShouldBeGreaterThan(5.9);
    }

    [Theory]
    [InlineData(0, 4, 6)]
    [InlineData(3, 4, 6)]
    [InlineData(60, 60, 60)]
    [InlineData(86_400, 86_400, 86_400)]
    [InlineData(172_800, 86_400, 86_400)]
    public void Retry_after_only_delays_and_at_most_a_day(int retryAfter, int least, int most) =>
        new RetrySchedule(RetrySchedule.DefaultDelays, new Random(1)).DelayAfter(1, 5, TimeSpan.FromSeconds(retryAfter)).TotalSeconds.ShouldBeInRange(least, most);
}
