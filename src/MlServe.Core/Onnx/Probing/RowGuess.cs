namespace MlServe.Onnx.Probing;

/// <summary>The form of made-up rows that a model may take.</summary>
/// <param name="FreeSize">The size of free axes that are no batch axis.</param>
/// <param name="MaxInteger">The bound of integers of which nothing is known, itself left out.</param>
internal sealed record RowGuess(int FreeSize, int MaxInteger)
{
    private static readonly RowGuess[] All = [new(8, 8), new(8, 2), new(32, 8), new(1, 8), new(64, 8), new(224, 8)];

    /// <summary>The guesses to try with a model, the likeliest first.</summary>
    public static IEnumerable<RowGuess> For(ModelSignature signature) =>
        signature.Inputs.Any(static input => input.Shape.Where((size, axis) => size.IsFree && axis != input.BatchAxis).Any())
            ? All
            : All[..2];
}
