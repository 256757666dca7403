using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;

namespace MlServe.Quantization.Rewriting;

/// <summary>Makes weights smaller; activations stay FP32.</summary>
internal static class WeightRewriter
{
    /// <summary>The first operator set whose Mul broadcasts as the nodes written here need it.</summary>
    private const long MinOpset = 7;

    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan)
    {
        var rewrite = new ModelRewrite(preprocessed, plan, MinOpset);
        switch (plan.Method)
        {
            case QuantizationMethod.Int8Storage:
                new StoredWeights(rewrite, new Int8Storage(rewrite, plan.PerChannel)).Rewrite();
                break;
            case QuantizationMethod.Fp16Storage:
                new StoredWeights(rewrite, new HalfStorage(rewrite)).Rewrite();
                break;
            case QuantizationMethod.NBits8 or QuantizationMethod.NBits4:
                new BlockProducts(rewrite, plan).Rewrite();
                break;
            default:
                throw new QuantizationException(QuantizationFailure.InvalidOptions, $"{plan.Method} does not change weights alone.");
        }

        return rewrite.Finish();
    }
}
