using System.Text;
using Hookway.Dispatch.Messages;

namespace Hookway.Ui;

/// <summary>Requests as curl commands, for a shell to repeat. Values that are secret are masked where attempts are recorded.</summary>
public static class Curl
{
    /// <summary>The request of an attempt.</summary>
    public static string Of(AttemptResource attempt, string method, string body)
    {
        var text = new StringBuilder("curl -X ").Append(Quote(method)).Append(' ').Append(Quote(attempt.Url));
        foreach (var (name, value) in attempt.RequestHeaders)
        {
            text.Append(" \\\n  -H ").Append(Quote($"{name}: {value}"));
        }
        return body.Length == 0 ? text.ToString() : text.Append(" \\\n  --data-raw ").Append(Quote(body)).ToString();
    }

    /// <summary>A call of the API.</summary>
    public static string Api(string baseUrl, string method, string path, string? json) =>
        $"curl {(method == "POST" ? "" : $"-X {method} ")}{baseUrl}{path} \\\n  -H \"Authorization: Bearer $HOOKWAY_KEY\" -H 'Content-Type: application/json'{(json is null ? "" : $" \\\n  -d {Quote(json)}")}";

    /// <summary>One word of a shell, whatever it holds.</summary>
    public static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
