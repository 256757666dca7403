namespace MlServe.Quantization;

/// <summary>
/// Between which values a tensor was seen to lie. Both are finite, and <paramref name="Min"/> is not above <paramref name="Max"/>.
/// </summary>
/// <param name="Min">The least value.</param>
/// <param name="Max">The greatest value.</param>
public readonly record struct TensorRange(float Min, float Max);
