namespace MlServe.Benchmarks.Measurement;

/// <summary>A row as ML.NET takes it; its column is named and sized by the schema.</summary>
internal sealed class MlNetRow
{
    public float[] Values { get; set; } = [];
}
