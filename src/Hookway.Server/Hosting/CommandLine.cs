using Hookway.Access;

namespace Hookway.Hosting;

/// <summary>The words of a command line: a command, its own options, and settings.</summary>
/// <param name="Command">The first word that is not an option; <c>serve</c> when there is none.</param>
/// <param name="Options">Options of commands (<c>--name</c>), without dashes.</param>
/// <param name="Settings">Settings given as <c>--Hookway:Key=value</c> or <c>--urls value</c>.</param>
public sealed record CommandLine(string Command, IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string?> Settings)
{
    private static readonly string[] CommandOptions = ["name", "scopes", "workspace", "to", "url", "email", "config", "new-key-file", "help", .. LimitKind.All.Select(kind => kind.Option)];

    /// <exception cref="SettingsException">A word is not understood; the message names it.</exception>
    public static CommandLine Parse(IReadOnlyList<string> words)
    {
        string? command = null;
        var options = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (!word.StartsWith('-'))
            {
                command = command is null ? word : throw new SettingsException($"{word} is not understood. --help shows what is.");
                continue;
            }
            var (name, value) = word.TrimStart('-').Split('=', 2) is [var left, var right] ? (left, right) : (word.TrimStart('-'), (string?)null);
            name = name is "h" ? "help" : name.Replace("__", ":", StringComparison.Ordinal);
            if (value is null && name != "help")
            {
                value = i + 1 < words.Count ? words[++i] : throw new SettingsException($"{word} needs a value.");
            }
            if (CommandOptions.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                options[name] = value ?? "";
            }
            else if (Setting.All.Any(setting => setting.Key.Equals(name, StringComparison.OrdinalIgnoreCase)) || name.StartsWith("Logging:", StringComparison.OrdinalIgnoreCase))
            {
                settings[name] = value;
            }
            else
            {
                throw new SettingsException($"{word} is not an option of this server. --help lists them.");
            }
        }
        return new CommandLine(command ?? "serve", options, settings);
    }

    /// <summary>The value of an option that the command cannot do without.</summary>
    /// <exception cref="SettingsException">It was not given.</exception>
    public string Required(string option) =>
        Options.TryGetValue(option, out var value) && value.Length > 0 ? value : throw new SettingsException($"{Command} needs --{option}.");
}
