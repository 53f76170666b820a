using Hookway.Ingest.Anomalies;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>When a feed is quieter than usual.</summary>
public class FeedRateTests
{
    private const int Week = 7 * 24;
    private static readonly TimeSpan Shortest = TimeSpan.FromHours(6);
    private static readonly DateTimeOffset Now = new(2026, 3, 2, 15, 30, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 1, 0.36787944)]
    [InlineData(3, 10, 0.01033605)]
    [InlineData(20, 20, 0.55909258)]
    [InlineData(60, 100, 1.0822886e-5)]
    [InlineData(900, 1000, 7.0e-4)]
    public void The_probability_of_so_few_is_that_of_Poisson(long count, double usual, double probability) =>
        FeedRate.AtMost(count, usual).ShouldBe(probability, probability * 0.02);

    [Theory]
    [InlineData(100, 100, false)]
    [InlineData(100, 60, false)]
    [InlineData(100, 40, true)]
    [InlineData(100, 0, true)]
    [InlineData(22, 8, false)]
    [InlineData(22, 1, true)]
    public void An_hour_far_below_the_same_hour_of_the_weeks_before_is_silence(int usual, int seen, bool isSilence)
    {
        var events = Usual(4, _ => usual);
        events[FeedRate.HourOf(Now) - 1] = seen;
        var silence = new FeedRate(events).At(Now, Shortest);
        (silence is not null).ShouldBe(isSilence);
        if (isSilence)
        {
            silence.ShouldBe(new FeedSilence(TimeSpan.FromHours(1), seen, usual));
        }
    }

    [Fact]
    public void A_feed_of_working_hours_may_be_silent_at_night_and_a_small_one_is_judged_by_longer_times()
    {
        var night = new DateTimeOffset(2026, 3, 3, 5, 0, 0, TimeSpan.Zero);
        new FeedRate(Usual(4, hour => hour % 24 is >= 8 and < 18 ? 50 : 0, night)).At(night, Shortest).ShouldBeNull();
        var small = Usual(4, _ => 4);
        new FeedRate(small).At(Now, Shortest).ShouldBeNull();
        for (var hour = 1; hour <= 6; hour++)
        {
            small[FeedRate.HourOf(Now) - hour] = hour == 6 ? 2 : 0;
        }
        new FeedRate(small).At(Now, Shortest).ShouldBe(new FeedSilence(TimeSpan.FromHours(6), 2, 24));
    }

    [Fact]
    public void Where_little_is_known_nothing_is_unusual()
    {
        new FeedRate(new Dictionary<long, long>()).At(Now, Shortest).ShouldBeNull();
        var young = Usual(1, _ => 100).Where(hour => hour.Key > FeedRate.HourOf(Now) - Week + 2).ToDictionary();
        young[FeedRate.HourOf(Now) - 1] = 0;
        new FeedRate(young).At(Now, Shortest).ShouldBeNull();
    }

    [Fact]
    public void Nothing_for_far_longer_than_ever_is_silence_also_of_a_feed_that_sends_little()
    {
        var seldom = new Dictionary<long, long>();
        for (var hour = FeedRate.HourOf(Now) - (4 * Week); hour < FeedRate.HourOf(Now) - 100; hour += 20)
        {
            seldom[hour] = 1;
        }
        var last = seldom.Keys.Max();
        new FeedRate(seldom).At(DateTimeOffset.UnixEpoch.AddHours(last + 101), Shortest).ShouldBeNull();
        new FeedRate(seldom).At(DateTimeOffset.UnixEpoch.AddHours(last + 102), Shortest).ShouldBe(new FeedSilence(TimeSpan.FromHours(101), 0, null));
    }

    private static Dictionary<long, long> Usual(int weeks, Func<long, int> events, DateTimeOffset? until = null)
    {
        var usual = new Dictionary<long, long>();
        var end = FeedRate.HourOf(until ?? Now);
        for (var hour = end - (weeks * Week) - 24; hour < end; hour++)
        {
            usual[hour] = events(hour);
        }
        return usual;
    }
}
