namespace MlServe.Benchmarks.Measurement;

/// <summary>An answer as ML.NET gives it; its column is named by the schema.</summary>
internal sealed class MlNetAnswer
{
    public float[] Values { get; set; } = [];
}
