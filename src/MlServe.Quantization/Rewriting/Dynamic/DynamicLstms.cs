using System.Numerics.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;

namespace MlServe.Quantization.Rewriting.Dynamic;

/// <summary>
/// LSTM as com.microsoft's DynamicQuantizeLSTM, which takes the same inputs with both weights turned. They are [directions, inputs, 4 x
/// hidden] in place of [directions, 4 x hidden, inputs].
/// </summary>
internal sealed class DynamicLstms(ModelRewrite rewrite, QuantizationPlan plan)
{
    private const int OwnInputs = 8;
    private const int Gates = 4;

    private static readonly HashSet<string> Attributes = new(StringComparer.Ordinal)
    {
        "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget",
    };

    private readonly int _limit = WeightLimits.For(plan.Target);
    private readonly Dictionary<Weight, Quantized> _weights = [];
    private readonly Dictionary<(GraphScope, long, long), string> _zeros = [];

    public bool TryReplace(NodeProto node, GraphScope scope, List<NodeProto> nodes)
    {
        if (!Nodes.Is(node, "LSTM")) return false;
        if (Replace(node, scope, out var reason) is not { } replacement)
        {
            rewrite.Left(node, reason);
            return false;
        }

        nodes.Add(replacement);
        rewrite.Quantized(node);
        return true;
    }

    private NodeProto? Replace(NodeProto node, GraphScope scope, out string reason)
    {
        reason = "it lacks an input";
        if (node.Input.Count < 3 || node.Input.Take(3).Any(static name => name.Length == 0)) return null;
        if (scope.Find(node.Input[1], out reason) is not { } inputs || scope.Find(node.Input[2], out reason) is not { } recurrent)
            return null;
        if (ReasonToLeave(node, inputs, recurrent) is { } found)
        {
            reason = found;
            return null;
        }

        var (w, r) = (WeightsOf(inputs), WeightsOf(recurrent));
        rewrite.Replaced(inputs);
        rewrite.Replaced(recurrent);
        string[] given = [.. node.Input.Concat(Enumerable.Repeat("", OwnInputs)).Take(OwnInputs)];
        (given[1], given[2]) = (w.Values, r.Values);
        var replacement = Nodes.Make("DynamicQuantizeLSTM", [.. given, w.Scales, w.Zeros, r.Scales, r.Zeros], node.Output, node.Name);
        replacement.Domain = Nodes.Microsoft;
        replacement.Attribute.Add(node.Attribute.Where(static attribute => attribute.Name != "layout"));
        if (Nodes.Find(node, "hidden_size") is null) replacement.Attribute.Add(Nodes.Int("hidden_size", recurrent.Tensor.Dims[2]));
        Graphs.RequireOpset(rewrite.Model, Nodes.Microsoft, 1);
        return replacement;
    }

    private string? ReasonToLeave(NodeProto node, Weight inputs, Weight recurrent)
    {
        if (!inputs.IsFloat || !recurrent.IsFloat) return $"its weights are {TensorData.TypeOf(inputs.Tensor)}, not Float";
        if (!FitTogether(inputs, recurrent, node))
            return $"its weights have shapes that do not fit together ({inputs.Sizes} and {recurrent.Sizes})";
        if (Nodes.Int(node, "layout", 0) != 0) return "its batch comes first (layout), which the integer form does not know";
        if (node.Attribute.FirstOrDefault(static attribute => !Attributes.Contains(attribute.Name)
            && attribute.Name != "layout") is { } unknown)
            return $"the integer form does not know its attribute '{unknown.Name}'";
        var multiplications = inputs.Count + recurrent.Count;
        if (multiplications < plan.MinMultiplications) return $"it is small ({multiplications} multiplications a step)";
        return AreFinite(inputs) && AreFinite(recurrent) ? null : "its weights are not all finite numbers";
    }

    private static bool FitTogether(Weight inputs, Weight recurrent, NodeProto node)
    {
        if (inputs.Rank != 3 || recurrent.Rank != 3) return false;
        var (w, r) = (inputs.Tensor.Dims, recurrent.Tensor.Dims);
        if (w.Concat(r).Any(static size => size is < 1 or > int.MaxValue) || inputs.Count > Array.MaxLength
            || recurrent.Count > Array.MaxLength)
            return false;
        return w[0] == r[0] && w[1] == r[1] && r[1] == Gates * r[2] && Nodes.Int(node, "hidden_size", r[2]) == r[2];
    }

    private static bool AreFinite(Weight weight) => float.IsFinite(TensorPrimitives.MaxMagnitude(TensorData.Floats(weight.Tensor)));

    private Quantized WeightsOf(Weight weight)
    {
        if (_weights.TryGetValue(weight, out var known)) return known;
        var made = Quantize(weight);
        _weights.Add(weight, made);
        return made;
    }

    private Quantized Quantize(Weight weight)
    {
        var (directions, gates, columns) = ((int)weight.Tensor.Dims[0], (int)weight.Tensor.Dims[1], (int)weight.Tensor.Dims[2]);
        var values = TensorData.Floats(weight.Tensor);
        var turned = new sbyte[values.Length];
        var scales = new List<float>();
        for (var direction = 0; direction < directions; direction++)
        {
            var part = direction * gates * columns;
            var matrix = Int8Matrix.OfRows(values.AsSpan(part, gates * columns), gates, columns, _limit, plan.PerChannel);
            Transposition.Of<sbyte>(matrix.Values, gates, columns, turned.AsSpan(part, gates * columns));
            scales.AddRange(matrix.Scales);
        }

        var graph = weight.Owner.Graph;
        var made = new Quantized(
            rewrite.Names.Next("w"), rewrite.Names.Next("v"), ZerosOf(weight.Owner, directions, plan.PerChannel ? gates : 0));
        graph.Initializer.Add(TensorData.Make(made.Values, turned, directions, columns, gates));
        graph.Initializer.Add(TensorData.Make(made.Scales, scales.ToArray(), plan.PerChannel ? [directions, gates] : [directions]));
        return made;
    }

    private string ZerosOf(GraphScope owner, long directions, long gates)
    {
        if (_zeros.TryGetValue((owner, directions, gates), out var known)) return known;
        var name = rewrite.Names.Next("z");
        var count = directions * Math.Max(1, gates);
        owner.Graph.Initializer.Add(TensorData.Make(name, new sbyte[count], gates > 0 ? [directions, gates] : [directions]));
        _zeros.Add((owner, directions, gates), name);
        return name;
    }

    private sealed record Quantized(string Values, string Scales, string Zeros);
}
