using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>The declarations of a model about its inputs, as far as samples have to know them.</summary>
internal sealed class SampleModel
{
    private SampleModel(string origin, IReadOnlyList<OnnxValueInfo> inputs)
    {
        Origin = origin;
        Inputs = inputs;
    }

    public string Origin { get; }

    /// <summary>The inputs without a default, in the model's order.</summary>
    public IReadOnlyList<OnnxValueInfo> Inputs { get; }

    public static SampleModel Of(ModelContent content) =>
        new(content.Origin, [.. OnnxInspector.Inspect(content.Bytes.Span).Inputs.Where(static input => !input.HasDefault)]);

    public OnnxValueInfo Sole(string why) =>
        Inputs.Count == 1 ? Inputs[0] : throw new QuantizationException(QuantizationFailure.UnreadableSamples,
            $"{why} is for a model with one input, and '{Origin}' has {Inputs.Count}: {Names}. "
                + "Name the input of each file: NAME=FILE.npy.");

    public OnnxValueInfo Named(string name) => Inputs.FirstOrDefault(input => input.Name == name)
        ?? throw new QuantizationException(QuantizationFailure.UnreadableSamples, $"'{Origin}' has no input '{name}'; it has {Names}.");

    private string Names => string.Join(", ", Inputs.Select(static input => $"'{input.Name}' {input.Type}"));
}
