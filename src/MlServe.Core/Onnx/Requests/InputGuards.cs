using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Refuses requests that the runtime would not refuse but die of. Immutable and safe for concurrent use.</summary>
internal sealed class InputGuards(IReadOnlyList<InputGuard> guards)
{
    /// <returns>Null if there is nothing to look at.</returns>
    public static InputGuards? Of(OnnxModelInfo info) => info.Guards.Count == 0 ? null : new(info.Guards);

    /// <param name="inputs">The inputs of a request that is right as to names and types.</param>
    /// <param name="signature">The model's.</param>
    public PredictionError? Check(in PredictionInputs inputs, ModelSignature signature)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            if (input.Kind != ValueKind.Tensor) continue;
            var expected = signature.Inputs[input.Name is null ? signature.SoleRequiredInput : signature.IndexOfInput(input.Name)];
            foreach (var guard in guards)
            {
                if (guard.Input == expected.Name && Check(guard, in input, expected) is { } error) return error;
            }
        }

        return null;
    }

    private static PredictionError? Check(InputGuard guard, in PredictionInput input, ValueSignature expected)
    {
        // A list without a shape is taken as the model declares it: as a single value, where it declares nothing.
        var rank = input.Elements.Shape?.Length ?? expected.Shape.Count;
        if (!expected.IsShapeKnown && (rank < guard.MinRank || rank > guard.MaxRank))
        {
            return new(
                PredictionStatus.Invalid, PredictionErrorCode.InputRankMismatch,
                "Input '{0}' has {1} axes, and the operators that read it take {2}.", guard.Input, rank,
                guard.MaxRank == guard.MinRank ? $"{guard.MinRank}"
                    : guard.MaxRank == int.MaxValue ? $"{guard.MinRank} or more"
                    : $"{guard.MinRank} to {guard.MaxRank}");
        }

        var found = input.Elements.Type switch
        {
            ElementType.Int64 => Find(guard, input.Elements.AsSpan<long>(), long.MinValue),
            ElementType.Int32 => Find(guard, input.Elements.AsSpan<int>(), int.MinValue),
            _ => null,
        };
        return found is not { } value
            ? null
            : new(
                PredictionStatus.Invalid, PredictionErrorCode.InputValueRefused,
                "Input '{0}' holds {1}, which the operators that read it cannot take: {2}.", guard.Input, value,
                guard.Least is { } least && value < least
                    ? $"it must be {least} or more"
                    : "the processor stops where it is divided by -1");
    }

    private static long? Find(InputGuard guard, ReadOnlySpan<long> elements, long smallest)
    {
        if (guard.RefusesSmallest && elements.Contains(smallest)) return smallest;
        if (guard.Least is not { } least) return null;
        var at = elements.IndexOfAnyInRange(long.MinValue, least - 1);
        return at < 0 ? null : elements[at];
    }

    private static long? Find(InputGuard guard, ReadOnlySpan<int> elements, int smallest)
    {
        if (guard.RefusesSmallest && elements.Contains(smallest)) return smallest;
        if (guard.Least is not { } least) return null;
        var at = elements.IndexOfAnyInRange(int.MinValue, (int)least - 1);
        return at < 0 ? null : elements[at];
    }
}
