using System.CommandLine;
using System.Globalization;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Scale;

/// <summary>
/// Many models in one host under load, with its memory over time. Exit code: 0 all answered and memory stayed flat, 1 not so, 3 it could
/// not be measured.
/// </summary>
internal static class ScaleCommand
{
    private const int Void = 3;

    public static Command Create()
    {
        var models = new Option<int>("--models") { Description = "Models of 0.4 MB in the host.", DefaultValueFactory = static _ => 1000 };
        var callers = new Option<int>("--callers")
        {
            Description = "Callers who each ask a model drawn at random, and ask again when they have the answer.",
            DefaultValueFactory = static _ => 64,
        };
        var seconds = new Option<int>("--seconds") { Description = "How long they ask.", DefaultValueFactory = static _ => 30 };
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "Folder for memory.csv and memory.png.",
            DefaultValueFactory = static _ => new("artifacts/scale"),
        };
        foreach (var option in new[] { models, callers, seconds })
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var count) && count < 1)
                    result.AddError($"{option.Name} takes 1 or more.");
            });
        }

        var command = new Command("scale", "Many models in one host under load, with its memory over time.")
        {
            models, callers, seconds, output,
        };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var folder = ModelFolder.OfDigits(arguments.GetValue(models));
            using var memory = new MemoryOverTime();
            var result = await ScaleRun.RunAsync(
                folder.Path, arguments.GetValue(callers), TimeSpan.FromSeconds(arguments.GetValue(seconds)), cancellationToken);
            var files = arguments.GetValue(output)!;
            files.Create();
            memory.Write(files.FullName, $"{arguments.GetValue(models)} models, {arguments.GetValue(callers)} callers");
            Console.WriteLine(result.Text);
            Console.WriteLine($"memory over time: {files.FullName}");
            if (result.Answered == 0) return Void;
            return result.Problem is null ? 0 : 1;
        });
        return command;
    }
}
