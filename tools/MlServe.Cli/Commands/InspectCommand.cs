using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using MlServe.Cli.Output;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary><c>mlserve inspect</c>.</summary>
internal static class InspectCommand
{
    private const string Method = "mlserve.quantization";
    private const string BatchDependent = "mlserve.batch-dependent";

    // Names of tensors are shown as they are; the output is no part of a web page.
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var json = CommonOptions.Json();
        var noRun = new Option<bool>("--no-run") { Description = "Only read the file; do not open it in ONNX Runtime." };
        var nodes = new Option<bool>("--nodes") { Description = "List every node, and whether and why it would be quantized." };
        var command = new Command(
            "inspect", "Tells a model's inputs and outputs, its operators and weights, and which nodes would be quantized and why.")
        {
            model, json, noRun, nodes,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var report = await InspectAsync(parsed.GetValue(model)!, isRun: !parsed.GetValue(noRun), cancellationToken);
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, JsonOptions));
            else ModelReportText.Print(report, parsed.GetValue(nodes));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<ModelReport> InspectAsync(string path, bool isRun, CancellationToken cancellationToken)
    {
        var content = await ModelSource.FromFile(path).ReadAsync(cancellationToken);
        var info = OnnxInspector.Inspect(content.Bytes.Span);
        return new()
        {
            File = content.Origin,
            Bytes = content.Bytes.Length,
            Digest = Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)),
            Producer = $"{info.ProducerName ?? "an unnamed tool"} {info.ProducerVersion}".Trim(),
            IrVersion = info.IrVersion,
            Opsets = info.Opsets.DistinctBy(static opset => opset.Domain)
                .ToDictionary(static opset => opset.Domain, static opset => opset.Version),
            Metadata = info.Metadata,
            Inputs = [.. info.Inputs.Select(Value)],
            Outputs = [.. info.Outputs.Select(Value)],
            Nodes = info.NodeCount,
            Operators = [.. info.Operators.Select(static use =>
                new ModelReport.OperatorReport(use.Domain, use.OpType, use.InMainGraph, use.InSubgraphs, use.InFunctions))],
            Weights = [.. info.Initializers.Concat(info.SparseInitializers).Concat(info.Constants)
                .GroupBy(static total => total.ElementType)
                .Select(static group =>
                    new ModelReport.WeightReport(
                        group.Key.ToString().ToLowerInvariant(), group.Sum(static total => total.Count),
                        group.Sum(static total => total.Bytes)))],
            ExternalFiles = info.ExternalData.Select(static entry => entry.Location).Distinct(StringComparer.Ordinal).Count(),
            Loaded = isRun ? await LoadAsync(content, cancellationToken) : null,
            Quantization = await StateAsync(path, info, isRun, cancellationToken),
        };
    }

    private static ModelReport.ValueReport Value(OnnxValueInfo value) => new(value.Name, value.Type.ToString(), value.HasDefault);

    private static async Task<ModelReport.LoadReport> LoadAsync(ModelContent content, CancellationToken cancellationToken)
    {
        try
        {
            // The file was named by whoever runs this, so that its neighbours may be read too.
            await using var predictor = await OnnxPredictor.LoadAsync(
                new Content(content), new() { AllowExternalData = true, WarmUpRuns = 0 }, cancellationToken: cancellationToken);
            var signature = predictor.Signature;
            return new(
                signature.ToString(), signature.IsBatchable,
                signature.Inputs.Where(static input => input.BatchAxis is not null)
                    .ToDictionary(static input => input.Name, static input => input.BatchAxis!.Value),
                signature.RowsAreIndependent, signature.BatchingNote);
        }
        catch (ModelLoadException exception)
        {
            return new("", false, new Dictionary<string, int>(), true, "", exception.Message);
        }
    }

    private static async Task<ModelReport.QuantizationState> StateAsync(
        string path, OnnxModelInfo info, bool isRun, CancellationToken cancellationToken)
    {
        var method = info.Metadata.GetValueOrDefault(Method);
        var isDependent = info.Metadata.GetValueOrDefault(BatchDependent) == "true"
            || info.Operators.Any(static use => use.OpType.StartsWith("DynamicQuantize", StringComparison.Ordinal));
        if (!isRun) return new(method is not null and not nameof(QuantizationMethod.None), method, isDependent, null, []);
        try
        {
            return new(false, method, isDependent, null, await OnnxQuantizer.DecideNodesAsync(path, cancellationToken));
        }
        catch (QuantizationException exception)
        {
            var isQuantized = exception.Failure == QuantizationFailure.AlreadyQuantized;
            return new(isQuantized, method, isDependent, exception.Message, [])
            {
                Slow = isQuantized ? await OnnxQuantizer.FindSlowNodesAsync(path, cancellationToken) : [],
            };
        }
    }

    private sealed class Content(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
