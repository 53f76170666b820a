using System.Globalization;

namespace Hookway.Ingest.Verification;

/// <summary>Where a vendor says how often it has tried to send a request.</summary>
/// <param name="At">The place of the number; <c>true</c> there counts as the first retry.</param>
/// <param name="First">The number that the first try has.</param>
public sealed record RetryCount(ValueTemplate At, int First = 0)
{
    private const int Most = 1_000;

    /// <summary>How often a request was tried before; 0 of the first try, and where nothing is said.</summary>
    public int Of(VendorRequest request) => At.For(request) switch
    {
        "true" => 1,
        { } text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => Math.Clamp(number - First, 0, Most),
        _ => 0,
    };
}
