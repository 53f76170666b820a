using System.Globalization;
using Hookway.Api;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Sources;

/// <summary>What a source expects in another time than its vendor's record says, or does not expect at all.</summary>
/// <param name="Seconds">By the name of a rule, how long it waits; null switches it off.</param>
public sealed record SourceExpectations(IReadOnlyDictionary<string, int?> Seconds)
{
    public const int FewestSeconds = 10;

    /// <summary>400 days.</summary>
    public const int MostSeconds = 34_560_000;

    /// <summary>All is as usual.</summary>
    public static SourceExpectations None { get; } = new(new Dictionary<string, int?>());

    public static SourceExpectations Of(IReadOnlyDictionary<string, int?>? seconds) => seconds is { Count: > 0 } ? new SourceExpectations(seconds) : None;

    /// <summary>Whether a rule is as it is for every source.</summary>
    public bool IsUsual(CommonRule rule) => !Seconds.ContainsKey(rule.Name);

    /// <summary>Whether a rule is not switched off.</summary>
    public bool Has(CommonRule rule) => !Seconds.TryGetValue(rule.Name, out var own) || own is not null;

    /// <summary>The time of a rule; null when it is switched off.</summary>
    public TimeSpan? TimeOf(CommonRule rule) => !Seconds.TryGetValue(rule.Name, out var own) ? rule.Within : own is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>A vendor's record with its rules as they are here.</summary>
    public VendorPreset Of(VendorPreset vendor) => Seconds.Count == 0 || vendor.Rules.Count == 0 ? vendor : vendor with
    {
        Rules =
        [
            .. vendor.Rules.Where(rule => !Seconds.TryGetValue(rule.Name, out var own) || own is not null)
                .Select(rule => Seconds.GetValueOrDefault(rule.Name) is { } own ? rule with { OwnTime = TimeSpan.FromSeconds(own) } : rule),
        ],
    };

    /// <summary>Adds what is wrong, by field.</summary>
    internal void Check(SourceSettings settings, FieldErrors errors)
    {
        if (Seconds.Count == 0 || VendorCatalog.Find(settings.Vendor) is not { } vendor)
        {
            return;
        }
        var known = CommonRule.All.Select(rule => (rule.Name, IsTimed: rule.Within is not null))
            .Concat(vendor.Rules.Select(rule => (rule.Name, IsTimed: rule.Within is not null))).ToDictionary(rule => rule.Name, rule => rule.IsTimed, StringComparer.Ordinal);
        foreach (var (name, seconds) in Seconds)
        {
            if (!known.TryGetValue(name, out var isTimed))
            {
                errors.Add("expectations", $"has {Shown(name)}, which is no rule of {vendor.Name}: must be of {string.Join(", ", known.Keys.Order(StringComparer.Ordinal))}");
                // One is enough: the answer names all that there are.
                return;
            }
            if (seconds is not null && !isTimed)
            {
                errors.Add("expectations", $"has {name}, which waits for nothing: must be null, which switches it off, or absent");
            }
            else if (seconds is < FewestSeconds or > MostSeconds)
            {
                errors.Add("expectations", string.Create(CultureInfo.InvariantCulture, $"has {name}, which must be from {FewestSeconds} to {MostSeconds} seconds, or null to switch it off"));
            }
        }
    }

    private static string Shown(string name) => name.Length > 64 ? name[..64] + "…" : name;
}
