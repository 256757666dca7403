using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>
/// Takes from a file's metadata the parts that belong into a signature, within bounds. A signature lives as long as the model, and some
/// files carry a vocabulary.
/// </summary>
internal static class MetadataReader
{
    /// <summary>Characters of one property that are kept; a longer one is left out.</summary>
    public const int MaxPropertyLength = 65_536;

    /// <summary>Characters of all properties that are kept.</summary>
    public const int MaxLength = 1_048_576;

    private static readonly string[] LabelKeys = ["labels", "classes", "class_names", "class_labels", "names"];

    public static ModelMetadata Read(OnnxModelInfo info) => new()
    {
        Description = info.Description,
        ProducerName = info.ProducerName,
        ProducerVersion = info.ProducerVersion,
        Domain = info.Domain,
        Version = info.ModelVersion,
        Labels = LabelsOf(info.Metadata),
        Properties = Bounded(info.Metadata).AsReadOnly(),
    };

    private static IReadOnlyList<string> LabelsOf(IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var wanted in LabelKeys)
        {
            foreach (var (key, text) in metadata)
            {
                if (key.Equals(wanted, StringComparison.OrdinalIgnoreCase) && LabelList.Parse(text) is { Count: > 0 } labels) return labels;
            }
        }

        return [];
    }

    private static SortedDictionary<string, string> Bounded(IReadOnlyDictionary<string, string> metadata)
    {
        var kept = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var left = MaxLength;

        // The short ones first, so that one long one does not keep all others away.
        foreach (var (key, value) in metadata.OrderBy(static pair => pair.Key.Length + pair.Value.Length)
            .ThenBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            var length = key.Length + value.Length;
            if (value.Length > MaxPropertyLength || length > left) break;
            left -= length;
            kept.Add(key, value);
        }

        return kept;
    }

    private static System.Collections.ObjectModel.ReadOnlyDictionary<string, string> AsReadOnly(
        this SortedDictionary<string, string> properties) => new(properties);
}
