namespace Hookway.Storage;

/// <summary>
/// How much a page of a list may look at. What an index cannot tell is asked row by row; a list whose filter few rows pass would else read all there are. A page
/// that has looked at this many rows ends early, and the next one goes on where it stopped.
/// </summary>
public sealed record ReadBounds(int Rows = 10_000);

/// <summary>What a bounded read found.</summary>
/// <param name="SearchedTo">The key of the last row looked at, when there may be more below it; null when the read was not cut short.</param>
public sealed record Found<T>(IReadOnlyList<T> Rows, long? SearchedTo);
