using System.Text.Json.Serialization;

namespace MlServe.Onnx.Profiles;

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(ModelProfile))]
internal sealed partial class ModelProfileJson : JsonSerializerContext;
