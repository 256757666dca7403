using System.CommandLine;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary>The options of quantizing as the command line names them. Options that are not given stay as the library has them.</summary>
internal sealed class QuantizeChoices
{
    private readonly Option<QuantizationMethod?> _method = CommonOptions.Choice(
        "--method", "How. Default: auto, by the operators and by whether there are samples.", new Dictionary<string, QuantizationMethod?>
        {
            ["auto"] = null,
            ["static"] = QuantizationMethod.Static,
            ["dynamic"] = QuantizationMethod.Dynamic,
            ["int8-storage"] = QuantizationMethod.Int8Storage,
            ["fp16-storage"] = QuantizationMethod.Fp16Storage,
            ["nbits8"] = QuantizationMethod.NBits8,
            ["nbits4"] = QuantizationMethod.NBits4,
            ["none"] = QuantizationMethod.None,
        });

    private readonly Option<CpuTarget?> _target = CommonOptions.Choice(
        "--target", "For which processors. Default: auto, this one.", new Dictionary<string, CpuTarget?>
        {
            ["auto"] = CpuTarget.Auto,
            ["x86-vnni"] = CpuTarget.X86Vnni,
            ["x86"] = CpuTarget.X86,
            ["arm"] = CpuTarget.Arm,
        });

    private readonly Option<QuantizationFormat?> _format = CommonOptions.Choice(
        "--format", "How integer operators are written. Default: qdq.", new Dictionary<string, QuantizationFormat?>
        {
            ["qdq"] = QuantizationFormat.Qdq,
            ["qoperator"] = QuantizationFormat.QOperator,
        });

    private readonly Option<CalibrationMethod?> _calibration = CommonOptions.Choice(
        "--calibration", "How ranges are taken from samples. Default: minmax.", new Dictionary<string, CalibrationMethod?>
        {
            ["minmax"] = CalibrationMethod.MinMax,
            ["percentile"] = CalibrationMethod.Percentile,
            ["mse"] = CalibrationMethod.Mse,
            ["entropy"] = CalibrationMethod.Entropy,
        });

    private readonly Option<GateFailureAction?> _onFailure = CommonOptions.Choice("--on-failure",
        "The action if the gate is not passed. Default: exclude, nodes stay FP32. smaller: so too, and if no integers pass, weights are "
            + "stored smaller though that may be up to 3 % slower. storage: weights are only stored smaller. throw: fails, writes no file.",
        new Dictionary<string, GateFailureAction?>
        {
            ["exclude"] = GateFailureAction.ExcludeNodes,
            ["smaller"] = GateFailureAction.Smaller,
            ["storage"] = GateFailureAction.Int8Storage,
            ["throw"] = GateFailureAction.Throw,
        });

    private readonly Option<double?> _minSpeedup = new("--min-speedup")
    {
        HelpName = "X",
        Description = "The least speed against the source; 0: any. Default: 1.05.",
    };

    private readonly Option<double?> _minAgreement = new("--min-agreement")
    {
        HelpName = "X",
        Description =
            "The least share of all rows with the same answer, as the rows compared show it at 95 %, 0 to 1; 0: not asked. Default: 0.97.",
    };

    private readonly Option<double?> _minNeighbors = new("--min-neighbors")
    {
        HelpName = "X",
        Description = "The least share of vectors with the same nearest neighbour, shown alike, 0 to 1; 0: not asked. Default: 0.9.",
    };

    private readonly Option<double?> _minRanks = new("--min-ranks")
    {
        HelpName = "X",
        Description = "The least correlation of ranks of the vectors' similarities, up to 1; 0: not asked. Default: 0.98.",
    };

    private readonly Option<double?> _minSnr = new("--min-snr")
    {
        HelpName = "DB",
        Description = "The least ratio of signal to noise, in decibels. Default: 20.",
    };

    private readonly Option<double?> _maxSize = new("--max-size")
    {
        HelpName = "X",
        Description = "The greatest size of the file, as a share of the source's; 0: any. Default: 1.",
    };

    private readonly Option<string[]> _metrics = new("--metric")
    {
        HelpName = "OUTPUT=METRIC",
        Description = "The measure of an output, "
            + $"if the tool chooses a wrong one: {string.Join(", ", Enum.GetNames<OutputMetric>()).ToLowerInvariant()}.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool?> _channels = CommonOptions.Choice(
        "--activations", "One scale for each activation, or one for each of its channels. Default: both are tried.",
        new Dictionary<string, bool?>
        {
            ["tensor"] = false,
            ["channel"] = true,
        });

    private readonly Option<int> _budget = CommonOptions.Count(
        "--budget",
        "Seconds that the whole may take, but for one step that cannot be broken off. The best that has passed by then is written, else "
            + "the source as it is.", 1, 86_400, (int)new QuantizationOptions().SearchBudget.TotalSeconds);

    private readonly Option<string[]> _exclude = new("--exclude", "-x")
    {
        HelpName = "NODE",
        Description = "Nodes that stay FP32, by name.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int> _threads = CommonOptions.Count(
        "--threads", "Threads that work on one operator while measuring.", 1, 256, 1);

    private readonly Option<bool> _keepInputs = CommonOptions.KeepWeightInputs();

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_method, _target, _format, _calibration, _channels, _minSpeedup, _minAgreement, _minNeighbors,
            _minRanks, _minSnr, _maxSize, _metrics, _onFailure, _exclude, _keepInputs, _budget, _threads])
            command.Options.Add(option);
    }

    public QuantizationOptions Apply(ParseResult parsed)
    {
        var options = new QuantizationOptions();
        var gate = options.Gate;
        var speedup = parsed.GetValue(_minSpeedup) ?? gate.MinSpeedup;
        return options with
        {
            Method = parsed.GetValue(_method),
            Target = parsed.GetValue(_target) ?? options.Target,
            Format = parsed.GetValue(_format) ?? options.Format,
            CalibrationMethod = parsed.GetValue(_calibration) ?? options.CalibrationMethod,
            OnGateFailure = parsed.GetValue(_onFailure) ?? options.OnGateFailure,
            ExcludeNodes = parsed.GetValue(_exclude) ?? [],
            Preprocessing = options.Preprocessing with { KeepWeightInputs = parsed.GetValue(_keepInputs) },
            Threads = parsed.GetValue(_threads),
            PerChannelActivations = parsed.GetValue(_channels),
            SearchBudget = TimeSpan.FromSeconds(parsed.GetValue(_budget)),
            Gate = gate with
            {
                MinSpeedup = speedup,
                // Who allows integers to be slower means it.
                MinSpeed = Math.Clamp(speedup, 0, gate.MinSpeed),
                MinAgreement = Bound(parsed.GetValue(_minAgreement), gate.MinAgreement),
                MinNeighbors = Bound(parsed.GetValue(_minNeighbors), gate.MinNeighbors),
                MinRankCorrelation = Bound(parsed.GetValue(_minRanks), gate.MinRankCorrelation),
                MaxSize = Bound(parsed.GetValue(_maxSize), gate.MaxSize),
                Metrics = MetricsOf(parsed.GetValue(_metrics) ?? []),
                MinSnrDb = parsed.GetValue(_minSnr) ?? gate.MinSnrDb,
            },
        };
    }

    /// <summary>The given bound, of which 0 means that it is not asked.</summary>
    private static double? Bound(double? said, double? otherwise) => said switch { null => otherwise, 0 => null, _ => said };

    private static Dictionary<string, OutputMetric> MetricsOf(string[] said)
    {
        var metrics = new Dictionary<string, OutputMetric>(StringComparer.Ordinal);
        foreach (var text in said)
        {
            var at = text.LastIndexOf('=');
            if (at <= 0 || !Enum.TryParse<OutputMetric>(text[(at + 1)..], ignoreCase: true, out var metric) || !Enum.IsDefined(metric)
                || char.IsAsciiDigit(text[at + 1]))
                throw new CliException(
                    $"--metric is '{text}'; "
                    + $"it must be OUTPUT=METRIC with one of {string.Join(", ", Enum.GetNames<OutputMetric>()).ToLowerInvariant()}.");
            if (!metrics.TryAdd(text[..at], metric)) throw new CliException($"--metric names '{text[..at]}' twice.");
        }

        return metrics;
    }
}
