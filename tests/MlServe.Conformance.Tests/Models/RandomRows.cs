using MlServe.Cases;
using MlServe.Tensors;

namespace MlServe.Models;

/// <summary>Rows of random numbers for a model that has a batch axis; integers are small enough to be ids.</summary>
/// <param name="signature">The model's signature.</param>
/// <param name="known">Sizes of free axes by name, "?" for one without; and what to give integer inputs by name where not everything is
/// valid.</param>
internal sealed class RandomRows(ModelSignature signature, IReadOnlyDictionary<string, long> known)
{
    private const int Seed = 5;
    private const int MaxInteger = 8;

    private readonly Random _random = new(Seed);

    /// <summary>A value for each input that the model needs, so many rows along its batch axis.</summary>
    public IReadOnlyList<(string Name, CaseValue Value)> Next(int rows) =>
        [.. signature.Inputs.Where(static input => !input.IsOptional).Select(input => (input.Name, Make(input, rows)))];

    private CaseValue Make(ValueSignature input, int rows)
    {
        long[] shape = [.. input.Shape.Select((size, axis) => axis == input.BatchAxis ? rows : size.Size ?? known[size.Symbol ?? "?"])];
        return input.ElementType switch
        {
            ElementType.Float => Fill(() => (_random.NextSingle() * 2) - 1),
            ElementType.UInt8 => Fill(() => (byte)_random.Next(MaxInteger)),
            ElementType.Int8 => Fill(() => (sbyte)_random.Next(MaxInteger)),
            ElementType.Int32 => Fill(() => _random.Next(MaxInteger)),
            ElementType.Int64 => Fill(() => known.TryGetValue(input.Name, out var value) ? value : _random.Next(MaxInteger)),
            _ => throw new NotSupportedException($"No model here has rows of {input.ElementType}."),
        };

        CaseTensor<T> Fill<T>(Func<T> next)
        {
            var values = new T[shape.Aggregate(1L, static (product, size) => product * size)];
            for (var i = 0; i < values.Length; i++)
                values[i] = next();
            return new(values, shape);
        }
    }
}
