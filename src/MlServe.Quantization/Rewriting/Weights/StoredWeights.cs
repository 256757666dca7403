using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Puts weights of at least two axes into a smaller form, each once for all of its readers.</summary>
internal sealed class StoredWeights(ModelRewrite rewrite, IWeightStorage storage)
{
    private readonly List<Use> _uses = [];
    private readonly Dictionary<Weight, Fate> _fates = [];

    public void Rewrite()
    {
        rewrite.Walk((node, scope, nodes) =>
        {
            Collect(node, scope);
            nodes.Add(node);
        });
        foreach (var (weight, fate) in _fates)
            Decide(weight, fate);

        foreach (var (node, uses) in _uses.GroupBy(static use => use.Node, ReferenceEqualityComparer.Instance)
            .Select(static group => ((NodeProto)group.Key!, group.ToList())))
        {
            foreach (var use in uses.Where(use => use.Weight is not null && _fates[use.Weight].Result is not null))
                node.Input[use.Input] = _fates[use.Weight!].Result;
            if (uses.Exists(use => use.Weight is not null && _fates[use.Weight].Result is not null)) rewrite.Quantized(node);
            else rewrite.Left(node, uses.Select(use => use.Weight is null ? use.Reason : _fates[use.Weight].Reason).First());
        }
    }

    private void Collect(NodeProto node, GraphScope scope)
    {
        for (var input = 0; input < node.Input.Count; input++)
        {
            if (node.Input[input].Length == 0) continue;
            var weight = scope.Find(node.Input[input], out var reason);
            if (weight is { IsFloat: false }) continue;
            var rank = weight?.Rank ?? 2;
            if (WeightAxes.Of(node, input, rank) is not { } axes)
            {
                if (weight is not null) FateOf(weight).OtherReader ??= node;
            }
            else if (weight is not null)
            {
                var fate = FateOf(weight);
                fate.Axes ??= axes;
                if (rewrite.IsExcluded(node)) fate.Reason = "it was excluded, or a node that shares its weights";
                _uses.Add(new(node, input, weight, ""));
            }
            else if (reason.EndsWith("as well", StringComparison.Ordinal) || reason.Contains("caller", StringComparison.Ordinal))
            {
                _uses.Add(new(node, input, null, reason));
            }
        }
    }

    private Fate FateOf(Weight weight)
    {
        if (!_fates.TryGetValue(weight, out var fate)) _fates.Add(weight, fate = new());
        return fate;
    }

    private void Decide(Weight weight, Fate fate)
    {
        if (fate.Axes is not { } axes || fate.Reason.Length > 0) return;
        if (fate.OtherReader is { } other)
        {
            fate.Reason = $"its weights are read by a {other.OpType} as well ('{Nodes.NameOf(other)}')";
            return;
        }

        // What does not save a quarter is not worth the nodes.
        var bytes = weight.Count * sizeof(float);
        if (weight.Count <= 0 || weight.Count > Array.MaxLength || storage.BytesOf(weight, axes) > bytes - (bytes / 4))
        {
            fate.Reason = $"its weights are small ({weight.Sizes})";
            return;
        }

        fate.Result = storage.Store(weight, axes, out var reason);
        fate.Reason = reason;
        if (fate.Result is not null) rewrite.Replaced(weight);
    }

    private sealed record Use(NodeProto Node, int Input, Weight? Weight, string Reason);

    private sealed class Fate
    {
        public WeightAxes? Axes { get; set; }

        public NodeProto? OtherReader { get; set; }

        public string Reason { get; set; } = "";

        public string? Result { get; set; }
    }
}
