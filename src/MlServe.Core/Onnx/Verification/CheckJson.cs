using System.Text.Json.Serialization;

namespace MlServe.Onnx.Verification;

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(CheckRequest))]
[JsonSerializable(typeof(CheckVerdict))]
[JsonSerializable(typeof(CheckVersions))]
internal sealed partial class CheckJson : JsonSerializerContext;
