using CsCheck;
using Hookway.Deliveries.Stats;

namespace Hookway.Tests.Deliveries.Stats;

public class LatencyHistogramTests
{
    private static readonly double[] Parts = [0.5, 0.9, 0.95, 0.99, 1];

    /// <summary>Microseconds from nothing to the longest attempt, as many short as long ones.</summary>
    private static readonly Gen<long> Microseconds = Gen.Select(Gen.Int[0, 28], Gen.Double.Unit, (doublings, rest) => (long)((1L << doublings) * (1 + rest)) - 1);

    [Fact]
    public void A_percentile_is_at_most_as_far_off_as_promised_whatever_the_latencies() => Microseconds.Array[1, 400].Sample(latencies =>
    {
        var histogram = new LatencyHistogram();
        foreach (var latency in latencies)
        {
            histogram.Add(TimeSpan.FromMicroseconds(latency));
        }
        var sorted = latencies.Order().ToList();
        histogram.Count.ShouldBe(latencies.Length);
        foreach (var part in Parts)
        {
            var exact = sorted[(int)Math.Ceiling(part * sorted.Count) - 1];
            var shown = histogram.Percentile(part)!.Value.TotalMicroseconds;
            // A tick is a tenth of a microsecond.
            Math.Abs(shown - exact).ShouldBeLessThanOrEqualTo((exact * LatencyHistogram.MostError) + 0.1, $"{part} of {string.Join(' ', sorted)} is {exact} and was shown as {shown}");
        }
    });

    [Fact]
    public void The_error_is_less_than_five_percent() => LatencyHistogram.MostError.ShouldBeLessThan(0.05);

    [Fact]
    public void What_is_written_down_is_read_back_and_adds_up() => Gen.Select(Microseconds.Array[0, 200], Microseconds.Array[0, 200]).Sample((some, others) =>
    {
        LatencyHistogram Of(IEnumerable<long> latencies)
        {
            var histogram = new LatencyHistogram();
            foreach (var latency in latencies)
            {
                histogram.Add(TimeSpan.FromMicroseconds(latency));
            }
            return histogram;
        }
        var sum = new LatencyHistogram();
        sum.Add(Of(some).Encode());
        sum.Add(Of(others).Encode());
        sum.Encode().ShouldBe(Of(some.Concat(others)).Encode());
        sum.Count.ShouldBe(some.Length + others.Length);
    });

    [Fact]
    public void A_busy_slot_of_a_usual_receiver_takes_little_room()
    {
        var random = new Random(1);
        var histogram = new LatencyHistogram();
        for (var i = 0; i < 100_000; i++)
        {
            histogram.Add(TimeSpan.FromMilliseconds(30 * Math.Exp(random.NextDouble() * random.NextDouble() * 2)));
        }
        histogram.Encode().Length.ShouldBeLessThan(200);
    }

    [Fact]
    public void Nothing_has_no_percentile_and_what_is_beyond_all_bounds_counts_in_the_last_bin()
    {
        var histogram = new LatencyHistogram();
        histogram.Percentile(0.5).ShouldBeNull();
        histogram.Encode().ShouldBeEmpty();
        histogram.Add(TimeSpan.FromDays(400));
        histogram.Add(TimeSpan.FromSeconds(-1));
        histogram.Count.ShouldBe(2);
        histogram.Percentile(0.5).ShouldBe(TimeSpan.Zero);
        histogram.Percentile(1)!.Value.ShouldBeGreaterThan(TimeSpan.FromMinutes(60));
        histogram.Clear();
        histogram.Percentile(1).ShouldBeNull();
    }
}
