using MlServe.Quantization.Preprocessing.Opsets;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Makes a model ready to be quantized. The model given is not changed; the same model and options give the same result.</summary>
internal static class Preprocessor
{
    public const int MinOpset = 13;

    public const int MaxOpset = 22;

    public static void RequireValid(PreprocessingOptions options)
    {
        if (options.Opset is < MinOpset or > MaxOpset)
        {
            throw new QuantizationException(QuantizationFailure.InvalidOptions,
                $"{nameof(PreprocessingOptions)}.{nameof(PreprocessingOptions.Opset)} is {options.Opset}; give {MinOpset} to {MaxOpset}.");
        }

    }

    public static PreprocessingResult Run(ModelProto model, PreprocessingOptions options)
    {
        RequireValid(options);
        var copy = model.Clone();
        var steps = new List<string>();
        StaleInfo.Run(copy, steps);
        NodeOrder.Run(copy, steps);
        ListedWeights.Run(copy, options, steps);
        FunctionInliner.Run(copy, options.Opset, steps);
        ConstantNodes.Run(copy, steps);
        OpsetUpgrader.Run(copy, options.Opset, steps);
        if (options.FoldConstants) ConstantFolder.Run(copy, steps);
        if (options.RewriteHardSwish) HardSwishRewriter.Run(copy, steps);
        if (options.FoldAffine) AffineFolder.Run(copy, steps);
        if (options.SimplifyConvolutions)
        {
            PointwiseMerger.Run(copy, steps);
            PooledConvs.Run(copy, steps);
        }

        if (options.FoldConstants) FlatSoftmax.Run(copy, steps);
        DeadParts.Run(copy, steps);
        SumShapes.Run(copy, steps);
        return new(copy, steps);
    }
}
