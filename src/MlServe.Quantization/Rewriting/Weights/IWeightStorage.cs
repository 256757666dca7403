namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>A smaller form of a weight in the file, from which nodes make the floats that other nodes read.</summary>
internal interface IWeightStorage
{
    /// <summary>The bytes that a weight takes in this form, nodes and names included.</summary>
    long BytesOf(Weight weight, WeightAxes axes);

    /// <summary>Adds the smaller form and the nodes.</summary>
    /// <returns>The name of the floats; null if the weight cannot be held so.</returns>
    string? Store(Weight weight, WeightAxes axes, out string reason);
}
