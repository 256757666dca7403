using Microsoft.ML.OnnxRuntime;

namespace MlServe.Quantization.Runtime;

/// <summary>The inputs of one run, in the native runtime's memory.</summary>
/// <param name="index">Which sample it is, from 0.</param>
/// <param name="rows">The rows in it.</param>
/// <param name="values">A value for each input that is given.</param>
internal sealed class EncodedSample(int index, int rows, IReadOnlyDictionary<string, OrtValue> values) : IDisposable
{
    public int Index => index;

    public int Rows => rows;

    public IReadOnlyDictionary<string, OrtValue> Values => values;

    public void Dispose()
    {
        foreach (var value in values.Values)
            value.Dispose();
    }
}
