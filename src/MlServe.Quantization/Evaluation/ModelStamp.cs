using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;

namespace MlServe.Quantization.Evaluation;

/// <summary>Writes into a model how it was made.</summary>
internal static class ModelStamp
{
    public const string Plan = "mlserve.quantization.plan";
    public const string Source = "mlserve.quantization.source";
    public const string Version = "mlserve.quantization.version";

    public static string LibraryVersion { get; } =
        typeof(ModelStamp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "0.0.0";

    public static void Apply(ModelProto model, QuantizationPlan plan)
    {
        MetadataProperties.Set(model, MetadataProperties.Method, plan.Method.ToString());
        MetadataProperties.Set(model, Plan, DigestOf(plan));
        MetadataProperties.Set(model, Source, plan.SourceDigest);
        MetadataProperties.Set(model, Version, LibraryVersion);
    }

    public static string DigestOf(QuantizationPlan plan) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(plan.ToJson())));
}
