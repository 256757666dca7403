using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>A model that was preprocessed, and what was done to it, a sentence a step.</summary>
internal sealed record PreprocessingResult(ModelProto Model, IReadOnlyList<string> Steps);
