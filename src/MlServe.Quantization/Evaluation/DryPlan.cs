using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Says which operators would be quantized, by a static plan with the defaults, without samples and without writing.</summary>
internal static class DryPlan
{
    /// <exception cref="QuantizationException">The model would be refused; the message says why.</exception>
    public static async Task<IReadOnlyList<NodeDecision>> DecideAsync(string path, CancellationToken cancellationToken)
    {
        var document = await OnnxDocument.ReadAsync(Onnx.ModelSource.FromFile(path), cancellationToken).ConfigureAwait(false);
        QuantizedOperators.RequireNone(document.Model);
        var model = Preprocessor.Run(document.Model, new()).Model;
        var plan = Plans.Of(new() { Target = Processor.Current }, QuantizationMethod.Static, document, model);
        return [.. StaticDecisions.Of(model, new StaticLayout(new GraphIndex(model.Graph), plan))];
    }

    /// <summary>The nodes of a model that was quantized elsewhere whose types make them slow.</summary>
    public static async Task<IReadOnlyList<NodeDecision>> SlowAsync(string path, CancellationToken cancellationToken) =>
        SlowIntegers.In((await OnnxDocument.ReadAsync(Onnx.ModelSource.FromFile(path), cancellationToken).ConfigureAwait(false)).Model);
}
