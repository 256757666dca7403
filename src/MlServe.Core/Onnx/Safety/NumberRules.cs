using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Follows the numbers of small values, of which shapes, repeats and trip counts are made (<c>Shape → Gather → Mul → Concat → Expand</c>).
/// In double precision, which is exact if it matters and close enough beyond.
/// </summary>
internal static class NumberRules
{
    /// <summary>The numbers of a node's first output; null if they are not known.</summary>
    public static double[]? Apply(NodeEstimate node, Estimate output) => node.Node.OpType switch
    {
        "Shape" => ShapeOf(node),
        "Size" => node.In(0).ExactCount is { } count ? [count] : null,
        "Identity" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Dropout" => node.In(0).Numbers,
        "Cast" or "CastLike" => Cast(node.In(0).Numbers, output.Type),
        "Neg" => Map(node, static x => -x),
        "Abs" => Map(node, Math.Abs),
        "Floor" => Map(node, Math.Floor),
        "Ceil" => Map(node, Math.Ceiling),
        "Round" => Map(node, static x => Math.Round(x, MidpointRounding.ToEven)),
        "Sqrt" => Map(node, Math.Sqrt),
        "Exp" => Map(node, Math.Exp),
        "Log" => Map(node, Math.Log),
        "Reciprocal" => Map(node, static x => 1 / x),
        "Not" => Map(node, static x => x == 0 ? 1 : 0),
        "Relu" => Map(node, static x => Math.Max(0, x)),
        "Add" or "Sum" => Fold(node, static (x, y) => x + y),
        "Sub" => Fold(node, static (x, y) => x - y),
        "Mul" => Fold(node, static (x, y) => x * y),
        "Div" => IsInteger(node.In(0).Type) ? Fold(node, static (x, y) => Math.Truncate(x / y)) : Fold(node, static (x, y) => x / y),
        "Mod" => Fold(node, static (x, y) => x - (Math.Floor(x / y) * y)),
        "Pow" => Fold(node, Math.Pow),
        "Max" => Fold(node, Larger),
        "Min" => Fold(node, Smaller),
        "Equal" => Fold(node, static (x, y) => Test(x, y, x == y)),
        "Less" => Fold(node, static (x, y) => Test(x, y, x < y)),
        "LessOrEqual" => Fold(node, static (x, y) => Test(x, y, x <= y)),
        "Greater" => Fold(node, static (x, y) => Test(x, y, x > y)),
        "GreaterOrEqual" => Fold(node, static (x, y) => Test(x, y, x >= y)),
        "And" => Fold(node, static (x, y) => Test(x, y, x != 0 && y != 0)),
        "Or" => Fold(node, static (x, y) => Test(x, y, x != 0 || y != 0)),
        "BitShift" => node.Node.Text("direction", "") == "LEFT" ? Fold(node, static (x, y) => x * Math.Pow(2, y)) : null,
        "Where" => Choose(node),
        "Concat" => Concatenate(node),
        "Gather" => Gather(node),
        "Slice" => Slice(node),
        "ReduceProd" => Reduce(node, 1, static (x, y) => x * y),
        "ReduceSum" => Reduce(node, 0, static (x, y) => x + y),
        "ReduceMax" => Reduce(node, double.NegativeInfinity, Larger),
        "ReduceMin" => Reduce(node, double.PositiveInfinity, Smaller),
        "ConstantOfShape" =>
            Fill(
                output,
                node.Node.Find("value") is null ? 0
                    : node.Node.Find("value")!.Tensor is { Count: 1 } value ? value.Integers?[0] ?? value.Numbers?[0] ?? double.NaN
                    : double.NaN),
        "Expand" or "Tile" => node.In(0).Numbers is [var repeated] ? Fill(output, repeated) : null,
        "Range" =>
            node.In(0).Numbers is [var start] && node.In(2).Numbers is [var step]
                && output.ExactCount is >= 0 and <= Estimate.MaxNumbers and var length
                ? [.. Enumerable.Range(0, (int)length).Select(i => start + (i * step))]
                : null,
        _ => null,
    };

    private static double[]? ShapeOf(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var start = Math.Clamp(node.Int("start", 0) is var from && from < 0 ? from + dims.Length : from, 0, dims.Length);
        var end = Math.Clamp(node.Int("end", dims.Length) is var to && to < 0 ? to + dims.Length : to, start, dims.Length);
        return [.. dims[(int)start..(int)end].Select(static dim => dim == Estimate.Free ? double.NaN : dim)];
    }

    private static double[]? Cast(double[]? numbers, OnnxElementType type)
    {
        if (numbers is null) return null;
        if (type == OnnxElementType.Bool) return Array.ConvertAll(numbers, static x => double.IsNaN(x) ? x : x == 0 ? 0 : 1);
        return IsInteger(type) ? Array.ConvertAll(numbers, Math.Truncate) : numbers;
    }

    private static double[]? Map(NodeEstimate node, Converter<double, double> map) =>
        node.In(0).Numbers is { } numbers ? Array.ConvertAll(numbers, map) : null;

    /// <summary>Element by element; of two lists of different lengths one has a single element.</summary>
    private static double[]? Fold(NodeEstimate node, Func<double, double, double> combine)
    {
        var result = node.In(0).Numbers;
        for (var i = 1; i < node.InputCount && result is not null; i++)
        {
            if (node.In(i).Numbers is not { } next || (next.Length != result.Length && next.Length != 1 && result.Length != 1)) return null;

            // Along one axis alone: where there are more, which element meets which is another matter.
            if (next.Length != result.Length && Math.Max(node.In(0).Rank ?? 2, node.In(i).Rank ?? 2) > 1) return null;
            var left = result;
            result = new double[left.Length == 0 || next.Length == 0 ? 0 : Math.Max(left.Length, next.Length)];
            for (var k = 0; k < result.Length; k++)
                result[k] = combine(left[left.Length == 1 ? 0 : k], next[next.Length == 1 ? 0 : k]);
        }

        return result;
    }

    private static double[]? Choose(NodeEstimate node)
    {
        if (node.In(0).Numbers is not { } conditions || node.In(1).Numbers is not { } yes || node.In(2).Numbers is not { } no) return null;
        if (Math.Max(node.In(0).Rank ?? 2, Math.Max(node.In(1).Rank ?? 2, node.In(2).Rank ?? 2)) > 1) return null;
        var length = Math.Max(conditions.Length, Math.Max(yes.Length, no.Length));
        double[][] parts = [conditions, yes, no];
        if (Array.Exists(parts, part => part.Length != length && part.Length != 1)) return null;
        return [.. Enumerable.Range(0, length)
            .Select(i => At(conditions, i) is var condition && double.IsNaN(condition) ? double.NaN : At(condition != 0 ? yes : no, i))];
    }

    private static double[]? Concatenate(NodeEstimate node)
    {
        var result = new List<double>();
        for (var i = 0; i < node.InputCount; i++)
        {
            if (node.In(i).Rank != 1) return null;
            if (node.In(i).Numbers is { } numbers) result.AddRange(numbers);
            else if (node.In(i).ExactCount is >= 0 and <= 64 and var count) result.AddRange(Enumerable.Repeat(double.NaN, (int)count));
            else return null;
            if (result.Count > Estimate.MaxNumbers) return null;
        }

        return [.. result];
    }

    private static double[]? Gather(NodeEstimate node)
    {
        if (node.In(0).Rank != 1 || node.In(0).Numbers is not { } numbers || node.In(1).Numbers is not { } indices
            || indices.Length > Estimate.MaxNumbers)
            return null;
        return Array.ConvertAll(
            indices,
            index => double.IsNaN(index) || index < -numbers.Length || index >= numbers.Length
                ? double.NaN
                : numbers[(int)(index < 0 ? index + numbers.Length : index)]);
    }

    private static double[]? Slice(NodeEstimate node)
    {
        if (node.In(0).Rank != 1 || node.In(0).Numbers is not { } numbers || node.Numbers(1, "starts") is not [var start]
            || node.Numbers(2, "ends") is not [var end])
            return null;
        var step = node.Has(4) ? node.In(4).Numbers is [var given] ? given : double.NaN : 1;
        if (double.IsNaN(start + end + step) || step == 0) return null;
        var from = Math.Clamp(
            start < 0 ? start + numbers.Length : start, step < 0 ? -1 : 0, step < 0 ? numbers.Length - 1 : numbers.Length);
        var to = Math.Clamp(end < 0 ? end + numbers.Length : end, -1, numbers.Length);
        var result = new List<double>();
        for (var at = from; step > 0 ? at < to : at > to; at += step)
            result.Add(numbers[(int)at]);
        return [.. result];
    }

    /// <summary>Of all elements.</summary>
    private static double[]? Reduce(NodeEstimate node, double seed, Func<double, double, double> combine) =>
        node.In(0) is { Rank: 1, Numbers: { } numbers } ? [numbers.Aggregate(seed, combine)] : null;

    private static double[]? Fill(Estimate output, double number)
    {
        if (output.ExactCount is not (>= 0 and <= Estimate.MaxNumbers and var count)) return null;
        var result = new double[count];
        Array.Fill(result, number);
        return result;
    }

    private static double At(double[] numbers, int index) => numbers[numbers.Length == 1 ? 0 : index];

    private static double Test(double x, double y, bool isTrue) => double.IsNaN(x) || double.IsNaN(y) ? double.NaN : isTrue ? 1 : 0;

    private static double Larger(double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? double.NaN : Math.Max(x, y);

    private static double Smaller(double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? double.NaN : Math.Min(x, y);

    private static bool IsInteger(OnnxElementType type) =>
        type is OnnxElementType.Int64 or OnnxElementType.Int32 or OnnxElementType.Int16 or OnnxElementType.Int8
            or OnnxElementType.UInt64 or OnnxElementType.UInt32 or OnnxElementType.UInt16 or OnnxElementType.UInt8;
}
