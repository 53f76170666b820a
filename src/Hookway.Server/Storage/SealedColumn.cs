namespace Hookway.Storage;

/// <summary>A column whose values are sealed under the master key. Every one is named by its slice, so that <see cref="MasterKeyRotation"/> reaches all of them.</summary>
/// <param name="Key">The column that tells its rows apart: a text, or a number where <paramref name="IsNumbered"/>.</param>
/// <param name="PurposeOf">What a value is sealed for, by the row's key.</param>
public sealed record SealedColumn(string Table, string Column, string Key, bool IsNumbered, Func<string, string> PurposeOf);
