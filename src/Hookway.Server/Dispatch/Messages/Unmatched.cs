using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// The endpoints of its recipient that a message was not for, as they were when it was accepted. Kept in its row as a short text, <c>12s 15f</c>: the number of an
/// endpoint and a letter for the reason; nothing when it was for all of them.
/// </summary>
public sealed class Unmatched
{
    /// <summary>The most endpoints that are kept with a message.</summary>
    public const int MostKept = 100;

    private readonly StringBuilder _text = new();
    private int _count;

    public void Add(long endpointNo, MismatchReason reason)
    {
        if (_count++ < MostKept)
        {
            _text.Append(_count == 1 ? "" : " ").Append(endpointNo).Append(Letter(reason));
        }
    }

    public override string ToString() => _text.ToString();

    /// <summary>Reads the text back.</summary>
    public static IReadOnlyList<(long EndpointNo, MismatchReason Reason)> Read(string? text) => string.IsNullOrEmpty(text) ? [] :
        [.. text.Split(' ').Select(item => (long.Parse(item.AsSpan(0, item.Length - 1), CultureInfo.InvariantCulture), Enum.GetValues<MismatchReason>().First(reason => Letter(reason) == item[^1])))];

    private static char Letter(MismatchReason reason) => reason switch
    {
        MismatchReason.Disabled => 'd',
        MismatchReason.NotSubscribed => 's',
        MismatchReason.FilteredOut => 'f',
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}

/// <summary>An endpoint of the recipient that a message was not for.</summary>
/// <param name="Reason">Why not, as it was when the message was accepted.</param>
public sealed record UnmatchedEndpoint(string EndpointId, [property: AllowedValues("disabled", "not_subscribed", "filtered_out")] string Reason);
