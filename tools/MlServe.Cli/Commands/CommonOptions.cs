using System.CommandLine;
using System.CommandLine.Parsing;

namespace MlServe.Cli.Commands;

/// <summary>The options and arguments of several commands.</summary>
internal static class CommonOptions
{
    public static Argument<string> Model() => new("MODEL") { Description = "The .onnx file." };

    public static Option<bool> KeepWeightInputs() =>
        new("--keep-weight-inputs")
        {
            Description =
                "Leave weights among the model's inputs as they are, for callers who give others; nodes that read them stay FP32.",
        };

    public static Option<bool> Json() => new("--json") { Description = "Print only JSON to the standard output." };

    public static Option<T?> Choice<T>(string name, string description, IReadOnlyDictionary<string, T?> choices)
        where T : struct
    {
        var option = new Option<T?>(name)
        {
            Description = description,
            HelpName = string.Join('|', choices.Keys),
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                if (choices.TryGetValue(text, out var value)) return value;
                result.AddError($"{name} is '{text}'; it must be one of {string.Join(", ", choices.Keys)}.");
                return null;
            },
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add(_ => choices.Keys.Select(static key => new System.CommandLine.Completions.CompletionItem(key)));
        return option;
    }

    /// <summary>A number with a range, and a message that says it.</summary>
    public static Option<int> Count(string name, string description, int from, int to, int value)
    {
        var option = new Option<int>(name)
        {
            Description = $"{description} {from} to {to}.",
            HelpName = "N",
            DefaultValueFactory = _ => value,
        };
        option.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.GetValueOrDefault<int>() is var number && number >= from && number <= to) return;
            result.AddError($"{name} is {number}; it must be {from} to {to}.");
        });
        return option;
    }
}
