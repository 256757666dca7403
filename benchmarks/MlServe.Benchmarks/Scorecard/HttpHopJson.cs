using System.Text.Json.Serialization;

namespace MlServe.Benchmarks.Scorecard;

[JsonSerializable(typeof(float[]))]
internal sealed partial class HttpHopJson : JsonSerializerContext;
