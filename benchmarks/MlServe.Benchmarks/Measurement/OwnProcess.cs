using System.Diagnostics;
using System.Text.Json;

namespace MlServe.Benchmarks.Measurement;

/// <summary>This program once more, for what a process can show but once.</summary>
internal static class OwnProcess
{
    /// <summary>
    /// Starts it and waits for its answer, which it writes to the standard error as JSON: a host in it logs to the standard output.
    /// </summary>
    /// <param name="arguments">A hidden command and what it takes.</param>
    public static T Ask<T>(params string[] arguments)
    {
        var path = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(path) == "dotnet"
            ? Ask<T>(path, [typeof(OwnProcess).Assembly.Location, .. arguments])
            : Ask<T>(path, arguments);
    }

    /// <summary>The same with a copy of this program that is precompiled.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="arguments">A hidden command and what it takes.</param>
    public static T Ask<T>(PrecompiledCopy copy, params string[] arguments) => Ask<T>("dotnet", [copy.Program, .. arguments]);

    private static T Ask<T>(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var child = Process.Start(start)!;
        var log = child.StandardOutput.ReadToEndAsync();
        var answer = child.StandardError.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0) throw new InvalidOperationException($"A child ended with {child.ExitCode}: {answer}{log.Result}");
        return JsonSerializer.Deserialize<T>(answer)!;
    }
}
