namespace Hookway.Ingest.Intake;

/// <summary>How much is taken of vendors. Defaults are those of the settings.</summary>
public sealed record IngestOptions
{
    /// <summary>The most bytes of a request: as many as the largest vendors send, and do not send again.</summary>
    public int BodyBytes { get; init; } = 25 * 1024 * 1024;
}
