namespace MlServe.TestModels;

/// <summary>
/// Generates models whose rows do not depend on each other, and models whose rows do: each from a seed, always the same. What is claimed of
/// a model is for an oracle to check (<see cref="RowOracle"/>).
/// </summary>
public static class RowModels
{
    private static readonly Func<Sketch, RowModel>[] Families =
        [IndependentModels.OfVectors, IndependentModels.OfVectors, IndependentModels.OfSequences, IndependentModels.OfTokens,
            IndependentModels.OfImages, TabularModels.Create, IndependentModels.OfStates];

    /// <summary>A model whose rows do not depend on each other.</summary>
    /// <param name="seed">Of what it is made.</param>
    /// <param name="isMasked">Whether its inputs, which are called "... as given" then, pass through a mask that writes nothing.</param>
    public static RowModel Independent(int seed, bool isMasked = false)
    {
        var sketch = New(seed);
        sketch.Root.MasksInputs = isMasked;
        return sketch.Pick(Families)(sketch);
    }

    /// <summary>A model whose rows depend on each other.</summary>
    public static RowModel Dependent(int seed)
    {
        var sketch = New(seed);
        return DependentModels.Create(sketch);
    }

    private static Sketch New(int seed)
    {
        var random = new Random(seed);
        var sketch = new Sketch(random, random.GetItems([12L, 13, 15, 17, 18, 20], 1)[0]);
        sketch.Root.IrVersion(9).Opset("ai.onnx.ml", 3).Opset("com.microsoft", 1).Opset("own", 1);
        return sketch;
    }
}
