namespace MlServe.Onnx.Inspection;

/// <summary>The limits of an input beyond which the runtime would not refuse it but die of it.</summary>
/// <param name="Input">The name of the model's input.</param>
/// <param name="MinRank">The fewest axes that its operators bear; 0 if any number is.</param>
/// <param name="MaxRank">The most axes; <see cref="int.MaxValue"/> if any number is.</param>
/// <param name="Least">The least integer; null if any is.</param>
/// <param name="RefusesSmallest">Whether the smallest number of its type is refused: divided by -1 it would trap.</param>
internal sealed record InputGuard(
    string Input, int MinRank = 0, int MaxRank = int.MaxValue, long? Least = null, bool RefusesSmallest = false);
