using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>Tells from a file why a row's answer depends on its neighbours, which a probe of two rows may happen not to see.</summary>
internal static class RowDependence
{
    /// <summary>What MlServe.Quantization writes into the metadata of models that it quantizes dynamically.</summary>
    private const string MetadataKey = "mlserve.batch-dependent";

    private static readonly (string Domain, string OpType)[] Operators =
    [
        ("", "DynamicQuantizeLinear"), ("com.microsoft", "DynamicQuantizeLinear"), ("com.microsoft", "DynamicQuantizeMatMul"), ("com.microsoft", "DynamicQuantizeLSTM"),
    ];

    /// <returns>A clause for a message; null where nothing in the file says so.</returns>
    public static string? Find(OnnxModelInfo info)
    {
        foreach (var (domain, opType) in Operators)
        {
            if (info.ContainsOperator(domain, opType)) return $"{opType} takes the scale of its integers over the whole batch (dynamic quantization)";
        }

        return info.Metadata.TryGetValue(MetadataKey, out var value) && bool.TryParse(value, out var isDependent) && isDependent
            ? $"the model's metadata says so ({MetadataKey})"
            : null;
    }
}
