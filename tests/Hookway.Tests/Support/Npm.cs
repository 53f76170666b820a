using System.Collections.Concurrent;
using System.Diagnostics;

namespace Hookway.Tests.Support;

/// <summary>Runs scripts that use npm packages, which know nothing of Hookway. A folder's packages are installed when it is first used, and when their list has changed.</summary>
public static class Npm
{
    private static readonly ConcurrentDictionary<string, SemaphoreSlim> Gates = new(StringComparer.Ordinal);

    /// <summary>What a script of this folder prints.</summary>
    public static async Task<string> Run(string folder, string script, string input = "", params string[] arguments)
    {
        var gate = Gates.GetOrAdd(folder, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            // Written by npm when it is done; older than the list when that has changed, or not there.
            if (File.GetLastWriteTimeUtc(Path.Combine(folder, "node_modules", ".package-lock.json")) < File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
            {
                await RunProgram(folder, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], "");
            }
        }
        finally
        {
            gate.Release();
        }
        return await RunProgram(folder, "node", [script, .. arguments], input);
    }

    private static async Task<string> RunProgram(string folder, string program, string[] arguments, string input)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardInput.WriteAsync(input.AsMemory(), cancel);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel);
        process.ExitCode.ShouldBe(0, $"{program} failed: {await errors}");
        return await output;
    }
}
