using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// A <c>Loop</c> while its body is followed: the values carried from one run to the next, and the file's facts about its end.
/// </summary>
internal sealed class LoopState
{
    private readonly GraphBody _body;
    private readonly Estimate[] _outputs;
    private Estimate[] _before;
    private Estimate[] _carried;

    public LoopState(NodeEstimate node, GraphBody body, EstimateScope scope)
    {
        _body = body;
        _carried = [.. Enumerable.Range(2, Math.Max(0, body.Inputs.Count - 2)).Select(i => node.In(i).With(isConstant: false))];
        _before = _carried;
        _outputs = [.. body.Outputs.Select(static _ => Estimate.Unknown)];
        var condition = node.Has(1) ? node.In(1).Numbers is [var given] ? given : double.NaN : 1;
        var count = node.In(0).Numbers is [var trips] ? trips : double.NaN;
        IsCounted = condition == 1 && LoopRules.IsAlwaysTrue(body, scope) && (!node.Has(0) || !double.IsNaN(count));
        Trips = !IsCounted ? 1 : node.Has(0) ? Math.Max(0, count) : double.PositiveInfinity;
    }

    /// <summary>Whether the file alone says how often it runs.</summary>
    public bool IsCounted { get; }

    /// <summary>How often it runs; 1 if that depends on the request.</summary>
    public double Trips { get; }

    /// <summary>Gives the body what it sees in a run.</summary>
    public void Give(EstimateScope inner, int run)
    {
        if (_body.Inputs.Count > 0) inner[_body.Inputs[0].Name] = Estimate.Scalar(run).With(OnnxElementType.Int64, isConstant: false);

        // While it runs, its condition is true.
        if (_body.Inputs.Count > 1) inner[_body.Inputs[1].Name] = Estimate.Scalar(1).With(OnnxElementType.Bool, isConstant: false);
        for (var i = 0; i < _carried.Length; i++)
            inner[_body.Inputs[i + 2].Name] = _carried[i];
    }

    /// <summary>Takes what the body has given.</summary>
    /// <returns>Whether a carried value differs from before.</returns>
    public bool Take(EstimateScope inner)
    {
        var hasChanged = false;
        _before = _carried;
        _carried = [.. _carried];
        for (var i = 0; i < _outputs.Length; i++)
        {
            _outputs[i] = inner[_body.Outputs[i].Name];
            if (i == 0 || i > _carried.Length) continue;
            _carried[i - 1] = _outputs[i].With(isConstant: false);
            hasChanged |= !_before[i - 1].IsLike(_carried[i - 1]);
        }

        return hasChanged;
    }

    /// <summary>
    /// The outputs of the loop after so many more runs like the last one followed. They are the last carried values, and of each other
    /// output all runs.
    /// </summary>
    public void Finish(NodeEstimate node, double more)
    {
        for (var i = 1; i < _outputs.Length; i++)
        {
            var value = _outputs[i];
            var dims = value.Dims is null ? null
                : i > _carried.Length ? [IsCounted ? Estimate.ToSize(Trips) : Estimate.Free, .. value.Dims]
                : IsCounted ? Grown(i - 1, more)
                : null;
            node.Out(i - 1, Estimate.Of(value.Type, dims));
        }
    }

    private long[]? Grown(int carried, double more)
    {
        if (_carried[carried].Dims is not { } now || _before[carried].Dims is not { } before || now.Length != before.Length) return null;
        return [.. now.Zip(
            before,
            (size, last) => size < 0 || last < 0 ? Estimate.Free : Math.Max(0, Estimate.ToSize(size + ((double)(size - last) * more))))];
    }
}
