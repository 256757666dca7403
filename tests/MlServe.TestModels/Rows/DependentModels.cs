using System.Runtime.InteropServices;

namespace MlServe.TestModels;

/// <summary>
/// Models whose rows depend on each other: at every row, or only if one has a value beyond a threshold of 1e-6 to 1e6 somewhere.
/// </summary>
internal static class DependentModels
{
    public static RowModel Create(Sketch s)
    {
        var width = 2 * s.Random.Next(2, 6);
        var ofIntegers = s.Chance(0.1);
        var magnitude = ofIntegers ? s.Random.Next(20, 100_000) : MathF.Pow(10, (s.Random.NextSingle() * 12) - 6);
        var inputs = new List<RowInput>();
        s.Root.Input("x", ofIntegers ? OnnxModel.Int64 : OnnxModel.Float, s.Pick("batch", "N", ""), width);
        inputs.Add(new("x", 0, random => ofIntegers
            ? RowTensor.Of(Values.Integers(random, width, (int)magnitude / 2), 1, width)
            : RowTensor.Of(Values.Normal(random, width, magnitude / 8), 1, width)));
        var flag = s.Chance(0.2) ? Flag(s, inputs) : null;
        var scaled = s.Node("Mul", [ofIntegers ? s.Node("Cast", ["x"], ("to", OnnxModel.Float)) : "x", s.Scalar(1 / magnitude)]);
        var hidden = s.Node("Tanh", [scaled]);
        for (var i = s.Random.Next(0, 3); i > 0; i--)
            hidden = VectorBlocks.Random(s, hidden, width);

        var place = s.Pick(Places.All);
        string kind;
        Func<Random, RowModel, IReadOnlyDictionary<string, RowTensor>> makeRows;
        if (s.Chance(0.03))
        {
            kind = $"running sum along an axis that is an input, {place}";
            s.Root.Input("axis", OnnxModel.Int64);
            inputs.Add(new("axis", null, static random => RowTensor.Of([(long)random.Next(2)])));
            hidden = Places.Put(
                s, place is "function" or "function in a branch" or "branch in a function" ? "main" : place, hidden, flag,
                static (inner, value) => inner.Node("CumSum", [value, "axis"]));
            makeRows = static (random, model) =>
            {
                var made = model.MakeRandom(random, 3).ToDictionary();
                made["axis"] = RowTensor.Of([0L]);
                return made;
            };
        }
        else if (s.Chance(0.6))
        {
            // An integer is always a number.
            var (name, gate) = s.Pick(ofIntegers ? Gates.OfNumbers : Gates.All);
            kind = $"{name}, {place}";
            var signal = Places.Put(s, place, scaled, flag, (inner, value) => Spread(inner, gate(inner, value, width), value));
            hidden = s.Node("Add", [hidden, s.Node("Mul", [signal, s.Weights(1, width)])]);
            makeRows = name.StartsWith("not a number", StringComparison.Ordinal) ? (random, model) => Loud(random, model, width, float.NaN)
                : name.StartsWith("infinite", StringComparison.Ordinal) ? (random, model) =>
                    Loud(random, model, width, float.PositiveInfinity)
                : (random, model) => Loud(random, model, width, magnitude * (2 + random.NextSingle()));
        }
        else
        {
            var (name, mixer) = s.Pick(Mixers.All);
            kind = $"{name}, {place}";
            hidden = Places.Put(s, place, hidden, flag, (inner, value) => mixer(inner, value, width));
            makeRows = static (random, model) => model.MakeRandom(random, 7);
        }

        if (s.Chance(0.5)) hidden = s.Node("Mul", [VectorBlocks.Linear(s, hidden, width, width), s.Scalar(1.5f)]);
        IndependentModels.Output(s, "y", hidden, s.Pick<object>("batch", ""), width);
        return new(kind, s.Root.ToBytes(), inputs, IsDependent: true, makeRows);
    }

    /// <summary>What one number, one of each column or one of each row is, in the shape of a value.</summary>
    private static string Spread(Sketch s, string gate, string value) => s.Node("Add", [gate, s.Node("Mul", [value, s.Scalar(0f)])]);

    /// <summary>Quiet rows, and one with a loud element.</summary>
    private static Dictionary<string, RowTensor> Loud(Random random, RowModel model, int width, float value)
    {
        var made = model.MakeRandom(random, random.Next(2, 7)).ToDictionary();
        var rows = made["x"];
        var place = (random.Next((int)rows.Shape[0] - 1) * width) + random.Next(width);
        if (rows.Type == Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64)
            MemoryMarshal.Cast<byte, long>(rows.Bytes.AsSpan())[place] = (long)value;
        else MemoryMarshal.Cast<byte, float>(rows.Bytes.AsSpan())[place] = value;
        return made;
    }

    private static string Flag(Sketch s, List<RowInput> inputs)
    {
        s.Root.Input("flag", OnnxModel.Bool);
        inputs.Add(new("flag", null, static _ => RowTensor.Of([true])));
        return "flag";
    }
}
