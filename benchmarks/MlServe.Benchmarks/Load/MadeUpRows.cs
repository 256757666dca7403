using MlServe.Tensors;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// Makes rows from a model's signature and a seed: numbers between 0 and 1 for floating point, whole numbers from 0 on for integers. No two
/// rows are alike, but what a model takes once for all rows is the same in each.
/// </summary>
internal static class MadeUpRows
{
    private const long MaxBytes = 64L * 1024 * 1024;

    /// <param name="signature">The model's.</param>
    /// <param name="shape">Finds the shapes.</param>
    /// <param name="seed">Of the numbers.</param>
    /// <param name="maxInteger">The bound of integers, itself left out.</param>
    public static IReadOnlyList<PredictionInputs> Make(ModelSignature signature, RowShape shape, int seed, int maxInteger)
    {
        var random = new Random(seed);
        (ValueSignature Input, long[] Shape)[] needed =
            [.. signature.Inputs.Where(static input => !input.IsOptional).Select(input => (input, shape.Of(input, signature.IsBatchable)))];
        var bytes = needed.Sum(static input => Shapes.Count(input.Shape) * Math.Max(16, ElementTypes.SizeOf(input.Input.ElementType)));
        var count = (int)Math.Clamp(MaxBytes / Math.Max(1, bytes), 2, 64);
        var shared = needed.Where(input => signature.IsBatchable && input.Input.BatchAxis is null)
            .ToDictionary(static input => input.Input.Name, input => Tensor(input.Input, input.Shape, random, maxInteger));
        return
        [
            .. Enumerable.Range(0, count).Select(_ => PredictionInputs.Row(
                [.. needed.Select(input => shared.TryGetValue(input.Input.Name, out var same)
                    ? same
                    : Tensor(input.Input, input.Shape, random, maxInteger))])),
        ];
    }

    private static PredictionInput Tensor(ValueSignature input, long[] shape, Random random, int maxInteger)
    {
        return input.ElementType switch
        {
            ElementType.Float => Fill(random.NextSingle),
            ElementType.Double => Fill(random.NextDouble),
            ElementType.Float16 => Fill(() => (Half)random.NextSingle()),
            ElementType.BFloat16 => Fill(() => (BFloat16)random.NextSingle()),
            ElementType.UInt8 => Fill(() => (byte)random.Next(maxInteger)),
            ElementType.Int8 => Fill(() => (sbyte)random.Next(maxInteger)),
            ElementType.UInt16 => Fill(() => (ushort)random.Next(maxInteger)),
            ElementType.Int16 => Fill(() => (short)random.Next(maxInteger)),
            ElementType.UInt32 => Fill(() => (uint)random.Next(maxInteger)),
            ElementType.Int32 => Fill(() => random.Next(maxInteger)),
            ElementType.UInt64 => Fill(() => (ulong)random.Next(maxInteger)),
            ElementType.Int64 => Fill(() => (long)random.Next(maxInteger)),
            ElementType.Bool => Fill(() => random.Next(2) == 1),
            ElementType.String => Fill(() => $"text {random.Next(maxInteger)}"),
            _ => throw new LoadException($"No rows can be made for the input {input}."),
        };

        PredictionInput Fill<T>(Func<T> next)
        {
            var values = new T[Shapes.Count(shape)];
            for (var i = 0; i < values.Length; i++)
                values[i] = next();
            return PredictionInput.Tensor(input.Name, values, shape);
        }
    }
}
