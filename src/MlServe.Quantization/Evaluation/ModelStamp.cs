using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Evaluation;

/// <summary>Writes into a model how it was made.</summary>
internal static class ModelStamp
{
    public const string Method = "mlserve.quantization";
    public const string Plan = "mlserve.quantization.plan";
    public const string Source = "mlserve.quantization.source";
    public const string Version = "mlserve.quantization.version";
    public const string BatchDependent = "mlserve.batch-dependent";

    public static string LibraryVersion { get; } =
        typeof(ModelStamp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    public static void Apply(ModelProto model, QuantizationPlan plan)
    {
        Set(model, Method, plan.Method.ToString());
        Set(model, Plan, DigestOf(plan));
        Set(model, Source, plan.SourceDigest);
        Set(model, Version, LibraryVersion);
        if (plan.Method == QuantizationMethod.Dynamic) Set(model, BatchDependent, "true");
    }

    public static string DigestOf(QuantizationPlan plan) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(plan.ToJson())));

    private static void Set(ModelProto model, string key, string value)
    {
        foreach (var entry in model.MetadataProps.Where(entry => entry.Key == key).ToArray())
            model.MetadataProps.Remove(entry);
        model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }
}
