using Microsoft.ML.OnnxRuntime;

namespace MlServe.Quantization.Verification;

/// <summary>Inputs that a model and its rewritten form are both given.</summary>
/// <param name="Label">The description, for messages.</param>
/// <param name="Shape">The sizes that callers choose, for messages.</param>
/// <param name="IsUsual">Whether values are of the size that models see; otherwise they are zeros, very small or very large.</param>
/// <param name="Values">A value for each input.</param>
internal sealed record TrialInput(string Label, string Shape, bool IsUsual, IReadOnlyDictionary<string, OrtValue> Values) : IDisposable
{
    public void Dispose()
    {
        foreach (var value in Values.Values)
            value.Dispose();
    }
}
