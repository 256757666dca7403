using System.CommandLine;
using System.CommandLine.Parsing;

namespace MlServe.Benchmarks.Load;

/// <summary>The options of the command line, and what they may be.</summary>
internal sealed class LoadOptions
{
    private readonly Option<FileInfo?> _model = new("--model") { Description = "An ONNX file. Default: the samples' digits.onnx." };
    private readonly Option<FileInfo?> _settings = new("--settings")
    {
        Description = "An application's appsettings.json, whose model is tested as it is configured there.",
    };
    private readonly Option<string?> _name = new("--name") { Description = "Which model of --settings." };
    private readonly Option<FileInfo?> _inputs = new("--inputs")
    {
        Description = "Rows of the model's only input: raw little-endian elements. Default: rows made up from the signature.",
    };
    private readonly Option<string[]> _dim = new("--dim")
    {
        Description = "The size of a free axis: name=size. May be given more than once.",
        DefaultValueFactory = static _ => [],
    };
    private readonly Option<bool> _noBatching = new("--no-batching") { Description = "Serves --model without UseBatching." };
    private readonly Option<TimeSpan?> _sla = new("--sla")
    {
        Description = "The latency that 99 % of the requests must keep: 10ms, 1.5s, 800us. Default: the model's ServiceLevel, else 10ms.",
    };
    private readonly Option<double?> _peak = new("--peak-rps")
    {
        Description = "The rate to expect, requests a second. Default: the model's ServiceLevel.",
    };
    private readonly Option<double?> _seconds = new("--seconds")
    {
        Description = "How long: the run, the confirming run of server, each step of peak.",
    };
    private readonly Option<bool> _full = new("--full") { Description = "Takes LoadGen's own 600 s." };
    private readonly Option<int> _seed = new("--seed") { Description = "Of arrivals and rows.", DefaultValueFactory = static _ => 1 };
    private readonly Option<double> _confidence = new("--confidence")
    {
        Description = "Of early stopping.",
        DefaultValueFactory = static _ => 0.99,
    };
    private readonly Option<double> _maxLag = new("--max-lag")
    {
        Description = "The generator's lag, p99, that voids a run, as a share of the bound.",
        DefaultValueFactory = static _ => 0.01,
    };
    private readonly Option<DirectoryInfo?> _output = new("--output") { Description = "A folder for load-SCENARIO.json, .hlog and .png." };
    private readonly Option<FileInfo?> _json = new("--json") { Description = "Also writes the result as JSON, there." };

    public LoadOptions()
    {
        _sla.CustomParser = ParseBound;
        Check(_peak, static rate => rate is null or (> 0 and <= 1_000_000), "more than 0 and up to 1,000,000");
        Check(_seconds, static seconds => seconds is null or (>= 1 and <= 86_400), "1 to 86400");
        Check(_confidence, static confidence => confidence is >= 0.5 and < 1, "0.5 or more and less than 1");
        Check(_maxLag, static share => share is > 0 and <= 100, "more than 0 and up to 100");
    }

    public IReadOnlyList<Option> All =>
        [_model, _settings, _name, _inputs, _dim, _noBatching, _sla, _peak, _seconds, _full, _seed, _confidence, _maxLag, _output, _json];

    public LoadRequestOptions Read(ParseResult arguments) => new()
    {
        Model = arguments.GetValue(_model),
        Settings = arguments.GetValue(_settings),
        Name = arguments.GetValue(_name),
        Inputs = arguments.GetValue(_inputs),
        Dimensions = arguments.GetValue(_dim)!,
        UseBatching = !arguments.GetValue(_noBatching),
        Bound = arguments.GetValue(_sla),
        PeakRps = arguments.GetValue(_peak),
        Seconds = arguments.GetValue(_seconds),
        IsFull = arguments.GetValue(_full),
        Seed = arguments.GetValue(_seed),
        Confidence = arguments.GetValue(_confidence),
        MaxLag = arguments.GetValue(_maxLag),
        Output = arguments.GetValue(_output),
        Json = arguments.GetValue(_json),
    };

    private static void Check<T>(Option<T> option, Func<T?, bool> isValid, string range) => option.Validators.Add(result =>
    {
        try
        {
            if (isValid(result.GetValueOrDefault<T>())) return;
        }
        catch (InvalidOperationException)
        {
            // It cannot be read, and has an error of its own.
            return;
        }

        result.AddError($"{option.Name} is '{string.Join(' ', result.Tokens)}'; it must be {range}.");
    });

    private static TimeSpan? ParseBound(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (Durations.TryParse(text, out var bound)) return bound;
        result.AddError($"--sla is '{text}'; it must be a time from 1us to 1h with its unit, like 10ms, 1.5s or 800us.");
        return null;
    }
}
