using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Rewriting;

/// <summary>
/// Writes a model with ranges that were calibrated: QuantizeLinear and DequantizeLinear around the operators that multiply with weights,
/// which ONNX Runtime fuses to integer operators.
/// </summary>
internal static class StaticRewriter
{
    // Below it, scales have no axis.
    private const long LeastOpset = 13;

    /// <summary>The values whose ranges a plan needs before it can be carried out, of a model that was preprocessed.</summary>
    public static IReadOnlyList<string> TensorsToCalibrate(ModelProto preprocessed, QuantizationPlan plan)
    {
        preprocessed = Smoothing.Apply(preprocessed, plan);
        var layout = Layout(preprocessed, plan, new(preprocessed.Graph));
        return [.. layout.Values().Select(layout.RangeOf).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>
    /// The values that are rounded with a scale for each channel if the plan has ranges for that; none have to be given.
    /// </summary>
    public static IReadOnlyList<string> ChannelsToCalibrate(ModelProto preprocessed, QuantizationPlan plan)
    {
        preprocessed = Smoothing.Apply(preprocessed, plan);
        var index = new GraphIndex(preprocessed.Graph);
        return new ChannelLayout(index, Layout(preprocessed, plan, index), plan).Values();
    }

    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan)
    {
        var model = Smoothing.Apply(preprocessed, plan);
        if (ReferenceEquals(model, preprocessed)) model = preprocessed.Clone();
        var index = new GraphIndex(model.Graph);
        var layout = Layout(model, plan, index);
        IReadOnlyList<NodeDecision> decisions = [.. StaticDecisions.Of(model, layout)];
        new StaticGraphWriter(model, index, layout, plan).Write();
        decisions = Tables.Decide(decisions, Tables.Rewrite(model, plan));
        if (plan.Format == QuantizationFormat.QOperator) model = OptimizedModel.Fused(model);
        MetadataProperties.Set(model, MetadataProperties.Method, plan.Method.ToString());
        return new(model, decisions);
    }

    private static StaticLayout Layout(ModelProto model, QuantizationPlan plan, GraphIndex index)
    {
        QuantizedOperators.RequireNone(model);
        var layout = new StaticLayout(index, plan);
        if (layout.Compute.Count > 0)
        {
            return Graphs.OpsetOf(model) is var opset && opset >= LeastOpset
                ? layout
                : throw new QuantizationException(QuantizationFailure.UnsupportedOpset,
                    $"The model has operator set {opset}, and quantized operators need {LeastOpset}. Let preprocessing raise it.");
        }

        var reasons = StaticDecisions.Of(model, layout)
            .Where(static decision => decision.OpType is "Conv" or "ConvTranspose" or "Gemm" or "MatMul").ToList();
        throw new QuantizationException(QuantizationFailure.NothingToQuantize, reasons.Count == 0
            ? $"There is nothing to quantize in the model: {Evaluation.Quantizable.WhyNotStatic(model)}."
            : $"None of the model's {reasons.Count} operators with weights can be quantized; the first, '{reasons[0].Node}', is not "
                + $"because of this: {reasons[0].Reason}.");
    }
}
