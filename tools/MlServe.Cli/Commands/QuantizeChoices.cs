using System.CommandLine;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary>The options of quantizing as the command line names them. What is not said stays as the library has it.</summary>
internal sealed class QuantizeChoices
{
    private readonly Option<QuantizationMethod?> _method = CommonOptions.Choice("--method", "How. Default: auto, by the operators and by whether there are samples.", new Dictionary<string, QuantizationMethod?>
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

    private readonly Option<CpuTarget?> _target = CommonOptions.Choice("--target", "For which processors. Default: auto, this one.", new Dictionary<string, CpuTarget?>
    {
        ["auto"] = CpuTarget.Auto,
        ["x86-vnni"] = CpuTarget.X86Vnni,
        ["x86"] = CpuTarget.X86,
        ["arm"] = CpuTarget.Arm,
    });

    private readonly Option<QuantizationFormat?> _format = CommonOptions.Choice("--format", "How integer operators are written. Default: qdq.", new Dictionary<string, QuantizationFormat?>
    {
        ["qdq"] = QuantizationFormat.Qdq,
        ["qoperator"] = QuantizationFormat.QOperator,
    });

    private readonly Option<CalibrationMethod?> _calibration = CommonOptions.Choice("--calibration", "How ranges are taken from samples. Default: minmax.", new Dictionary<string, CalibrationMethod?>
    {
        ["minmax"] = CalibrationMethod.MinMax,
        ["percentile"] = CalibrationMethod.Percentile,
        ["mse"] = CalibrationMethod.Mse,
        ["entropy"] = CalibrationMethod.Entropy,
    });

    private readonly Option<GateFailureAction?> _onFailure = CommonOptions.Choice("--on-failure", "What is done where the gate is not passed. Default: exclude.", new Dictionary<string, GateFailureAction?>
    {
        ["exclude"] = GateFailureAction.ExcludeNodes,
        ["storage"] = GateFailureAction.Int8Storage,
        ["throw"] = GateFailureAction.Throw,
    });

    private readonly Option<double?> _minSpeedup = new("--min-speedup") { HelpName = "X", Description = "The least speed against the source; 0: any. Default: 1.05." };

    private readonly Option<double?> _minAgreement = new("--min-agreement") { HelpName = "X", Description = "The least share of rows with the same answer, 0 to 1; 0: not asked. Default: 0.99." };

    private readonly Option<double?> _minSnr = new("--min-snr") { HelpName = "DB", Description = "The least ratio of signal to noise, in decibels. Default: 20." };

    private readonly Option<string[]> _exclude = new("--exclude", "-x") { HelpName = "NODE", Description = "Nodes that stay FP32, by name.", AllowMultipleArgumentsPerToken = true };

    private readonly Option<int> _threads = CommonOptions.Count("--threads", "Threads that work on one operator while measuring.", 1, 256, 1);

    private readonly Option<bool> _keepInputs = CommonOptions.KeepWeightInputs();

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_method, _target, _format, _calibration, _minSpeedup, _minAgreement, _minSnr, _onFailure, _exclude, _keepInputs, _threads])
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
            Gate = gate with
            {
                MinSpeedup = speedup,
                // Who allows integers to be slower means it.
                MinSpeed = Math.Clamp(speedup, 0, gate.MinSpeed),
                MinAgreement = parsed.GetValue(_minAgreement) is { } agreement ? (agreement == 0 ? null : agreement) : gate.MinAgreement,
                MinSnrDb = parsed.GetValue(_minSnr) ?? gate.MinSnrDb,
            },
        };
    }
}
