using System.Globalization;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;

namespace MlServe.Quantization.Evaluation;

/// <summary>Tells before any work is done for it that a model has nothing to quantize, and why.</summary>
internal static class Quantizable
{
    /// <exception cref="QuantizationException">Nothing in the model can be quantized by any method, or not by the one that is asked
    /// for.</exception>
    public static void Require(
        OnnxDocument document, PreprocessingResult preprocessed, QuantizationOptions options, QuantizationMethod method)
    {
        var main = OperatorCensus.OfMain(preprocessed.Model);
        var all = OperatorCensus.Of(preprocessed.Model);
        if (all.Total == 0)
        {
            throw new QuantizationException(QuantizationFailure.NothingToQuantize,
                string.Join(" ", [
                    $"{document.Origin} has no FP32 weights of Conv, Gemm, MatMul, LSTM or Gather that could be quantized.",
                    "Serve it as it is.",
                    .. preprocessed.Steps,
                ]));
        }

        // Names that are wrong are told before samples are run for them, too.
        _ = Plans.Of(options, method, document, preprocessed.Model);
        if (method != QuantizationMethod.Static || options.OnGateFailure != GateFailureAction.Throw
            || main.Convolutions + main.Matrices > 0)
            return;
        throw new QuantizationException(
            QuantizationFailure.NothingToQuantize,
            $"{document.Origin} has nothing that a static plan quantizes: {WhyNotStatic(preprocessed.Model)}.");
    }

    /// <summary>Why a static plan has nothing to do, if weights lie out of its reach.</summary>
    public static string WhyNotStatic(ModelProto model)
    {
        var (main, all) = (OperatorCensus.OfMain(model), OperatorCensus.Of(model));
        if (all.Total - main.Total > 0 && main.Convolutions + main.Matrices == 0)
        {
            var holder = model.Graph.Node.Where(static node => Nodes.Subgraphs(node).Any())
                .Select(static node => $"'{Nodes.NameOf(node)}' ({node.OpType})")
                .FirstOrDefault() ?? "an If or a Loop";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{all.Total - main.Total} of its {all.Total} weights lie inside {holder}, and weights inside of a subgraph stay "
                + $"FP32 in a static plan");
        }

        return "it has no Conv, Gemm or MatMul with constant weights";
    }
}
