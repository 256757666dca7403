using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>
/// Chooses the measure of each output: by the end of the graph, the shapes that a sample gives, and names. The user's own choice wins.
/// </summary>
internal sealed class MetricChooser
{
    private static readonly string[] VectorNames = ["embed", "feature", "vector", "hidden", "pooler", "sentence", "descriptor"];
    private static readonly string[] ScoreNames = ["logit", "class", "score", "prob", "label", "softmax"];

    private readonly OutputEnds _ends;
    private readonly Dictionary<string, (TensorElementType Type, long[] Shape)> _outputs;
    private readonly bool _hasMask;

    private MetricChooser(ModelProto model, Dictionary<string, (TensorElementType Type, long[] Shape)> outputs, bool hasMask)
    {
        _ends = new(new GraphIndex(model.Graph));
        _outputs = outputs;
        _hasMask = hasMask;
    }

    /// <summary>Refuses what the user says of an output that is not there: before anything is run.</summary>
    public static void RequireOutputs(ModelProto model, IReadOnlyDictionary<string, OutputMetric> stated)
    {
        if (stated.Keys.FirstOrDefault(name => model.Graph.Output.All(output => output.Name != name)) is not { } unknown) return;
        throw new QuantizationException(QuantizationFailure.InvalidOptions,
            $"Gate.Metrics names '{unknown}', and the model has no such output; "
                + $"it has {string.Join(", ", model.Graph.Output.Select(static output => $"'{output.Name}'"))}.");
    }

    /// <param name="model">The model, with its constants folded.</param>
    /// <param name="source">It, opened.</param>
    /// <param name="sample">A sample, whose answer shows the shapes.</param>
    /// <param name="stated">The user's choices, by the names of outputs.</param>
    public static IReadOnlyDictionary<string, ChosenMetric> Choose(
        ModelProto model, GraphSession source, EncodedSample? sample, IReadOnlyDictionary<string, OutputMetric> stated)
    {
        var outputs = new Dictionary<string, (TensorElementType Type, long[] Shape)>(StringComparer.Ordinal);
        if (sample is not null)
        {
            using var answers = source.Run(sample, source.OutputNames);
            for (var i = 0; i < answers.Count; i++)
            {
                if (!answers[i].IsTensor) continue;
                var info = answers[i].GetTensorTypeAndShape();
                outputs[source.OutputNames[i]] = (info.ElementDataType, info.Shape);
            }
        }

        var chooser = new MetricChooser(model, outputs, sample is not null && PaddingMask.NameIn(sample) is not null);
        return source.OutputNames.ToDictionary(
            static name => name, name => stated.TryGetValue(name, out var metric) ? chooser.Stated(name, metric) : chooser.Of(name),
            StringComparer.Ordinal);
    }

    private ChosenMetric Stated(string name, OutputMetric metric) => metric == OutputMetric.Boxes
        ? BoxesOf(name) with { Reason = "as stated" }
        : new(metric, "as stated", _ends.Of(name) is OutputEnd.Softmax or OutputEnd.Sigmoid);

    private ChosenMetric Of(string name)
    {
        if (!_outputs.TryGetValue(name, out var output)) return new(OutputMetric.None, "it is no tensor");
        if (output.Type is not (TensorElementType.Float or TensorElementType.Double or TensorElementType.Float16
            or TensorElementType.BFloat16))
            return new(OutputMetric.Equal, $"its elements are {output.Type}");
        var end = _ends.Of(name);
        var columns = output.Shape.Length == 0 ? 1 : output.Shape[^1];
        return output.Shape.Length switch
        {
            2 when columns > 1 => OfRows(name, end),
            3 when IsDetector(name) => BoxesOf(name),
            3 when columns > 1 && end == OutputEnd.Softmax =>
                new(OutputMetric.Sequence, "it ends in a Softmax over each place", IsShare: true),
            3 when columns > 1 && _hasMask && end == OutputEnd.Product =>
                new(OutputMetric.Sequence, "a mask comes in, and it ends in scores for each place"),
            3 when columns > 1 && (_hasMask || end == OutputEnd.LayerNorm) =>
                new(OutputMetric.Embedding, _hasMask
                    ? "a mask comes in, and a vector for each place goes out"
                    : "it ends in a layer normalization of each place"),
            _ => new(OutputMetric.Regression, "numbers that stand for themselves", end is OutputEnd.Softmax or OutputEnd.Sigmoid),
        };
    }

    private ChosenMetric OfRows(string name, OutputEnd end)
    {
        if (end == OutputEnd.Softmax) return new(OutputMetric.Classes, "it ends in a Softmax", IsShare: true);
        if (end == OutputEnd.UnitLength) return new(OutputMetric.Embedding, "its vectors are brought to one length");
        if (end == OutputEnd.Mean) return new(OutputMetric.Embedding, "it is a mean over places");
        if (end == OutputEnd.Tanh
            && _outputs.Keys.FirstOrDefault(other => other != name && _outputs[other].Shape.Length == 3
                && _ends.DependsOn(name, other)) is { } tokens)
            return new(OutputMetric.None, $"it is made of '{tokens}', which is judged");
        if (VectorNames.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase)))
            return new(OutputMetric.Embedding, "its name says that it is a vector");
        if (ScoreNames.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase))
            || end is OutputEnd.Product or OutputEnd.Sigmoid)
            return new(
                OutputMetric.Classes, end == OutputEnd.Sigmoid ? "it ends in a Sigmoid for each column" : "a score for each column",
                end == OutputEnd.Sigmoid);
        return end == OutputEnd.LayerNorm
            ? new(OutputMetric.Embedding, "it ends in a layer normalization")
            : new(OutputMetric.Regression, "numbers that stand for themselves");
    }

    /// <summary>Whether it is one of several outputs for the same places, of which one has four numbers for each: a box.</summary>
    private bool IsDetector(string name) =>
        Heads(name) is { Count: > 1 } heads && heads.Any(head => _outputs[head].Shape[^1] == 4)
        && heads.Any(head => _outputs[head].Shape[^1] != 4);

    private List<string> Heads(string name)
    {
        var shape = _outputs[name].Shape;
        return [.. _outputs.Where(pair => pair.Value.Shape.Length == 3 && pair.Value.Shape[0] == shape[0]
            && pair.Value.Shape[1] == shape[1]).Select(static pair => pair.Key)];
    }

    private ChosenMetric BoxesOf(string name)
    {
        if (!_outputs.TryGetValue(name, out var output) || output.Shape.Length != 3)
            return new(OutputMetric.Boxes, "as stated", Scores: name);
        var heads = Heads(name).Where(head => _outputs[head].Shape[^1] != 4)
            .OrderBy(head => _ends.Of(head) is OutputEnd.Softmax or OutputEnd.Sigmoid ? 0 : 1)
            .ThenBy(head => ScoreNames.Append("obj").Append("conf").Any(part => head.Contains(part, StringComparison.OrdinalIgnoreCase))
                ? 0
                : 1).ThenBy(head => _outputs[head].Shape[^1]).ToList();
        var scores = heads.FirstOrDefault() ?? name;
        var isSoftmax = _ends.Of(scores) == OutputEnd.Softmax && _outputs[scores].Shape[^1] > 1;
        return new(
            OutputMetric.Boxes, $"one of several outputs for the same places, of which '{scores}' tells which places hold something",
            _ends.Of(name) is OutputEnd.Softmax or OutputEnd.Sigmoid, scores, isSoftmax ? 0 : -1);
    }
}
