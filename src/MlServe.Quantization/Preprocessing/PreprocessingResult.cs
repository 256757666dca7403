using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>A model that was preprocessed, and the steps that were done to it, a sentence each.</summary>
internal sealed record PreprocessingResult(ModelProto Model, IReadOnlyList<string> Steps);
