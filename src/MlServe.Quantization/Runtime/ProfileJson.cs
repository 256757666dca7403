using System.Text.Json.Serialization;

namespace MlServe.Quantization.Runtime;

/// <summary>Reads ONNX Runtime's profiles without reflection.</summary>
[JsonSerializable(typeof(ProfileEvent))]
internal sealed partial class ProfileJson : JsonSerializerContext;
