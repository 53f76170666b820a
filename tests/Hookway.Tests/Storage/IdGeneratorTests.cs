using Hookway.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Storage;

public class IdGeneratorTests
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    [Fact]
    public void An_id_is_a_prefix_and_a_version_7_uuid_in_base32()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 5, 6, 7, 8, 9, 123, TimeSpan.Zero));
        var id = new IdGenerator(clock, new Random(1)).New("msg");

        id.ShouldMatch("^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$");
        UInt128 value = 0;
        foreach (var character in id["msg_".Length..])
        {
            value = (value << 5) | (UInt128)Alphabet.IndexOf(character, StringComparison.Ordinal);
        }
        ((long)(value >> 80)).ShouldBe(clock.GetUtcNow().ToUnixTimeMilliseconds());
        ((int)(value >> 76) & 0xF).ShouldBe(7);
        ((int)(ulong)(value >> 62) & 0x3).ShouldBe(2);
    }

    [Fact]
    public void Ids_of_later_milliseconds_sort_behind()
    {
        var clock = new FakeTimeProvider();
        var ids = new IdGenerator(clock, new Random(1));
        var made = new List<string>();
        for (var i = 0; i < 1_000; i++)
        {
            made.Add(ids.New("msg"));
            clock.Advance(TimeSpan.FromMilliseconds(1));
        }
        made.ShouldBe(made.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Ids_of_one_millisecond_differ()
    {
        var ids = new IdGenerator(new FakeTimeProvider(), Random.Shared);
        Enumerable.Range(0, 100_000).AsParallel().Select(_ => ids.New("a")).Distinct().Count().ShouldBe(100_000);
    }
}
