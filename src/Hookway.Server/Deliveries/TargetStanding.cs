namespace Hookway.Deliveries;

/// <summary>What is known of how a target answers, by which it gets its places (docs/decisions/0018-places-windows-and-rings.md).</summary>
public enum TargetStanding
{
    /// <summary>It answers quickly.</summary>
    Quick,

    /// <summary>Nothing is known of it.</summary>
    New,

    /// <summary>It fails, or takes its time.</summary>
    Limited,
}
