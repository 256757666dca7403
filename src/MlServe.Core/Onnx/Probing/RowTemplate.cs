using MlServe.Tensors;

namespace MlServe.Onnx.Probing;

/// <summary>
/// Makes rows of one shape by patterns: out of random numbers, or out of the elements of a row that the user gave. So made-up neighbours of
/// that row are as valid as can be. An input without rows, a weight that is given as an input, is the same for all rows and has several
/// values to try.
/// </summary>
internal sealed class RowTemplate
{
    /// <summary>A model's declarations are not to be trusted with memory.</summary>
    private const int MaxElements = 16 * 1024 * 1024;

    private const int Seed = 20260801;

    private readonly List<TemplateInput> _inputs;

    private RowTemplate(List<TemplateInput> inputs)
    {
        _inputs = inputs;
        ElementsOfRow = inputs.Where(static input => !input.IsShared).Sum(static input => (long)input.Count);
    }

    /// <summary>The elements of all inputs that have rows.</summary>
    public long ElementsOfRow { get; }

    /// <summary>Whether there are numbers whose magnitude can be varied.</summary>
    public bool HasMagnitudes => _inputs.Exists(static input => !input.IsShared && input.IsFloat);

    /// <summary>Whether there are integers whose magnitude can be varied, because they are numbers like any other to the model.</summary>
    public bool HasLargeIntegers => _inputs.Exists(static input => input is { IsShared: false, IsNumber: true });

    /// <summary>How many values of the inputs that all rows share are worth trying; 1 if there are none.</summary>
    public int SharedVariants => _inputs.Exists(static input => input.IsShared) ? TemplateInput.SharedVariants : 1;

    /// <param name="signature">Its axes are the ones that are tried.</param>
    /// <param name="guess">How large they are.</param>
    /// <param name="facts">The facts about integers.</param>
    /// <returns>Null if an input is no tensor, or too large to be made up.</returns>
    public static RowTemplate? Guess(ModelSignature signature, RowGuess guess, GraphFacts facts)
    {
        var inputs = new List<TemplateInput>();
        foreach (var input in signature.Inputs)
        {
            if (input.Kind != ValueKind.Tensor) return null;
            if (input.IsOptional) continue;
            long[] shape = [.. input.Shape.Where((_, axis) => axis != input.BatchAxis).Select(size => size.Size ?? guess.FreeSize)];
            if (Shapes.Count(shape) is < 0 or > MaxElements) return null;
            var range = facts.Ranges.GetValueOrDefault(input.Name) ?? new(0, guess.MaxInteger);
            inputs.Add(new(input, shape, range, facts.IsNumber(input.Name), sample: null));
        }

        return inputs.Count == 0 ? null : new(inputs);
    }

    /// <summary>A template of rows like one that the user gave.</summary>
    /// <param name="signature">Its axes are the ones that are tried.</param>
    /// <param name="sample">A request of one row or more that fits the signature.</param>
    /// <param name="request">The facts about it.</param>
    /// <param name="facts">The facts about integers.</param>
    /// <returns>Null if it gives something that is no tensor.</returns>
    public static RowTemplate? Of(
        ModelSignature signature, in PredictionInputs sample, in PreparedRequest request, GraphFacts facts)
    {
        var inputs = new List<TemplateInput>();
        for (var i = 0; i < sample.Count; i++)
        {
            ref readonly var given = ref PredictionInputs.ItemOf(in sample, i);
            var index = given.Name is null ? signature.SoleRequiredInput : signature.IndexOfInput(given.Name);
            var input = signature.Inputs[index];
            if (given.Kind != ValueKind.Tensor || input.Kind != ValueKind.Tensor) return null;
            if (TemplateInput.ShapeOfRow(input, in given, request.Rows, request.IsRow) is not { } shape) return null;
            var range = facts.Ranges.GetValueOrDefault(input.Name) ?? new(long.MinValue, long.MaxValue);
            inputs.Add(new(input, shape, range, facts.IsNumber(input.Name), given));
        }

        return inputs.Count == 0 ? null : new(inputs);
    }

    /// <summary>Makes a row.</summary>
    /// <param name="pattern">Its look.</param>
    public PredictionInputs Make(RowPattern pattern)
    {
        var variant = pattern.Variant;
        var made = new PredictionInput[_inputs.Count];
        for (var i = 0; i < made.Length; i++)
        {
            var random = new Random(HashCode(pattern, i, _inputs[i].IsShared ? variant : -1));
            made[i] = _inputs[i].IsShared ? _inputs[i].MakeShared(variant + i, variant == 0, random) : _inputs[i].Make(pattern, random);
        }

        return PredictionInputs.RowOf(made);
    }

    /// <summary>The same in every process, other than the runtime's own hashes.</summary>
    private static int HashCode(RowPattern pattern, int input, int variant)
    {
        if (variant >= 0) return unchecked(Seed + (31 * input) + (7 * variant));
        var bits = BitConverter.DoubleToInt64Bits(pattern.Magnitude) ^ BitConverter.DoubleToInt64Bits(pattern.Position);
        return unchecked(Seed + (int)(bits >> 32) + (1009 * (int)pattern.Kind) + (9176 * pattern.Index) + (31 * input));
    }
}
