using MlServe.Tensors;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Makes up rows to try a model with: seeded random numbers, no two rows alike. They are small enough to be valid as ids, masks and
/// measurements alike. Zeros would show nothing: most models answer them alike in any company. A weight that is given as an input has no
/// rows, and is the same for all.
/// </summary>
internal sealed class SampleRows(ModelSignature signature, int seed)
{
    private const int MaxElements = 16 * 1024 * 1024;

    private readonly Random _random = new(seed);
    private readonly Dictionary<string, PredictionInput> _shared = [];

    /// <summary>
    /// A row with a size for each free axis that is no batch axis, the same for each row. Null if an input is no tensor, or too large to be
    /// made up.
    /// </summary>
    /// <param name="freeSize">The size of free axes.</param>
    /// <param name="maxInteger">The bound of integers, itself left out.</param>
    public PredictionInputs? Next(int freeSize, int maxInteger)
    {
        var inputs = new List<PredictionInput>(signature.Inputs.Count);
        foreach (var input in signature.Inputs)
        {
            if (input.Kind != ValueKind.Tensor) return null;
            if (input.IsOptional) continue;
            if (_shared.TryGetValue(input.Name, out var shared))
            {
                inputs.Add(shared);
                continue;
            }

            var shape = new List<long>();
            for (var axis = 0; axis < input.Shape.Count; axis++)
            {
                if (axis != input.BatchAxis) shape.Add(input.Shape[axis].Size ?? freeSize);
            }

            // What a model declares is not to be trusted with memory.
            if (Shapes.Count([.. shape]) is < 0 or > MaxElements) return null;
            var made = Make(input, [.. shape], maxInteger);
            inputs.Add(made);
            if (input.BatchAxis is null) _shared.Add(input.Name, made);
        }

        return PredictionInputs.Row([.. inputs]);
    }

    private PredictionInput Make(ValueSignature input, long[] shape, int maxInteger)
    {
        var count = checked((int)Shapes.Count(shape));
        return input.ElementType switch
        {
            ElementType.Float => Fill(count, _random.NextSingle),
            ElementType.Double => Fill(count, _random.NextDouble),
            ElementType.Float16 => Fill(count, () => (Half)_random.NextSingle()),
            ElementType.BFloat16 => Fill(count, () => (BFloat16)_random.NextSingle()),
            ElementType.UInt8 => Fill(count, () => (byte)_random.Next(maxInteger)),
            ElementType.Int8 => Fill(count, () => (sbyte)_random.Next(maxInteger)),
            ElementType.UInt16 => Fill(count, () => (ushort)_random.Next(maxInteger)),
            ElementType.Int16 => Fill(count, () => (short)_random.Next(maxInteger)),
            ElementType.UInt32 => Fill(count, () => (uint)_random.Next(maxInteger)),
            ElementType.Int32 => Fill(count, () => _random.Next(maxInteger)),
            ElementType.UInt64 => Fill(count, () => (ulong)_random.Next(maxInteger)),
            ElementType.Int64 => Fill(count, () => (long)_random.Next(maxInteger)),
            ElementType.Bool => Fill(count, () => _random.Next(2) == 1),
            _ => Fill(count, () => $"s{_random.Next(maxInteger)}"),
        };

        PredictionInput Fill<T>(int length, Func<T> next)
        {
            var values = new T[length];
            for (var i = 0; i < length; i++)
                values[i] = next();
            return PredictionInput.Tensor(input.Name, values, shape);
        }
    }
}
