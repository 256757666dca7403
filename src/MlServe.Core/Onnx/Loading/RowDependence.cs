using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>
/// Why a file says that a row's answer depends on its neighbours by rounding, which rows that are made up may happen not to show.
/// </summary>
/// <param name="Reason">A clause for a message.</param>
/// <param name="IsOperator">Whether an operator says so, and not the maker of the model.</param>
internal sealed record RowDependence(string Reason, bool IsOperator)
{
    /// <summary>The key that MlServe.Quantization writes into the metadata of models that it quantizes dynamically.</summary>
    private const string MetadataKey = "mlserve.batch-dependent";

    private static readonly (string Domain, string OpType)[] Operators =
    [
        ("", "DynamicQuantizeLinear"), ("com.microsoft", "DynamicQuantizeLinear"), ("com.microsoft", "DynamicQuantizeMatMul"),
        ("com.microsoft", "DynamicQuantizeLSTM"),
    ];

    /// <returns>Null if nothing in the file says so.</returns>
    public static RowDependence? Find(OnnxModelInfo info)
    {
        foreach (var (domain, opType) in Operators)
        {
            if (info.ContainsOperator(domain, opType))
                return new($"{opType} takes the scale of its integers over the whole batch (dynamic quantization)", IsOperator: true);
        }

        return info.Metadata.TryGetValue(MetadataKey, out var value) && bool.TryParse(value, out var isDependent) && isDependent
            ? new($"the model's metadata says so ({MetadataKey})", IsOperator: false)
            : null;
    }
}
