using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

/// <summary>The statements of a rewritten model about itself.</summary>
internal static class MetadataProperties
{
    /// <summary>The <see cref="QuantizationMethod"/>.</summary>
    public const string Method = "mlserve.quantization";

    /// <summary>That rows influence each other in a batch. The serving library knows the same key.</summary>
    public const string BatchDependent = "mlserve.batch-dependent";

    public static string? Find(ModelProto model, string key) => model.MetadataProps.LastOrDefault(property => property.Key == key)?.Value;

    public static void Set(ModelProto model, string key, string value)
    {
        foreach (var property in model.MetadataProps.Where(property => property.Key == key).ToArray())
            model.MetadataProps.Remove(property);
        model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }
}
