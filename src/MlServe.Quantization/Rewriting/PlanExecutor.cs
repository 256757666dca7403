using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

/// <summary>Carries a plan out: the same model and plan give the same bytes.</summary>
internal static class PlanExecutor
{
    /// <summary>Preprocesses a model and rewrites it.</summary>
    public static RewriteResult Apply(ModelProto source, QuantizationPlan plan) =>
        plan.KeepsOriginal ? new(source.Clone(), []) : Rewrite(Preprocessor.Run(source, plan.Preprocessing).Model, plan);

    /// <summary>Rewrites a model that was preprocessed. The model given is not changed.</summary>
    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan) => plan.Method switch
    {
        QuantizationMethod.None => new(preprocessed.Clone(), []),
        QuantizationMethod.Static => StaticRewriter.Rewrite(preprocessed, plan),
        QuantizationMethod.Dynamic => DynamicRewriter.Rewrite(preprocessed, plan),
        _ => WeightRewriter.Rewrite(preprocessed, plan),
    };
}
