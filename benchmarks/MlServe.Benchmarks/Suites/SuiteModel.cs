using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Suites;

/// <summary>A model that suites measure, by the name that the reports show.</summary>
internal sealed record SuiteModel(byte[] Bytes, OfflineLimit.Shape Shape)
{
    public const string Tiny = "MLP 4-16-3";
    public const string Mlp = "MLP 784-512-512-10";
    public const string Digits = "digits CNN";

    public float[] Row { get; } = [.. Enumerable.Range(0, Shape.InputLength).Select(static i => i % 7 / 7f)];

    public static SuiteModel Find(string name) => name switch
    {
        Tiny => new(OnnxModel.Mlp(1, 4, 16, 3), new("x", [4], "y", 3)),
        Mlp => new(OnnxModel.Mlp(1, 784, 512, 512, 10), new("x", [784], "y", 10)),
        Digits =>
            new(File.ReadAllBytes(Path.Combine(
                AppContext.BaseDirectory, "assets", "digits.onnx")), new("image", [1, 28, 28], "scores", 10)),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such model."),
    };

    public RawSession OpenRaw() => new(Bytes, Shape.Input, [1, .. Shape.Row], Shape.Output, [1, Shape.OutputLength]);

    /// <summary>Calls of the raw runtime as <see cref="LoneCaller"/> makes them.</summary>
    public Action<int> RawCalls(RawSession raw)
    {
        var answer = new float[Shape.OutputLength];
        return calls => raw.Run(calls, Row, answer);
    }
}
