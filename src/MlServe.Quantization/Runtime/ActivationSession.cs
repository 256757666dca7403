using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Runtime;

/// <summary>A model that shows values from within itself.</summary>
internal sealed class ActivationSession : IDisposable
{
    private readonly GraphSession _session;
    private readonly string[] _names;
    private readonly string[] _outputs;

    private ActivationSession(GraphSession session, string[] names)
    {
        _session = session;
        _names = names;
        var inputs = session.InputNames.ToHashSet(StringComparer.Ordinal);
        _outputs = [.. names.Where(name => !inputs.Contains(name))];
    }

    /// <summary>Called for each value of a run, with its position among the names, its elements and its shape.</summary>
    public delegate void Visitor(int index, ReadOnlySpan<float> values, ReadOnlySpan<long> shape);

    /// <summary>Opens a model with these float values as outputs. The model given is not changed.</summary>
    public static ActivationSession Open(ModelProto model, string[] names)
    {
        // A clone shares the weights, which are most of the model.
        var watched = model.Clone();
        watched.Graph.Output.Clear();
        var inputs = watched.Graph.Input.Select(static input => input.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (!inputs.Contains(name)) watched.Graph.Output.Add(new ValueInfoProto { Name = name });
        }

        if (watched.Graph.Output.Count == 0) watched.Graph.Output.Add(model.Graph.Output);
        var bytes = OnnxFile.ToBytes(watched);
        return new(
            GraphSession.Open(
                bytes, GraphOptimizationLevel.ORT_ENABLE_EXTENDED, threads: Environment.ProcessorCount,
                what: "The model with its activations as outputs"), names);
    }

    /// <summary>Runs a sample and shows its values, which live no longer than the call.</summary>
    public void Run(EncodedSample sample, Visitor visit)
    {
        using var results = _outputs.Length > 0 ? _session.Run(sample, _outputs) : null;
        for (int i = 0, output = 0; i < _names.Length; i++)
        {
            var isOutput = output < _outputs.Length && _outputs[output] == _names[i];
            if (isOutput) Show(i, results![output++], visit);
            else if (sample.Values.TryGetValue(_names[i], out var value)) Show(i, value, visit);
        }
    }

    public void Dispose() => _session.Dispose();

    private void Show(int index, OrtValue value, Visitor visit)
    {
        var info = value.GetTensorTypeAndShape();
        if (info.ElementDataType != TensorElementType.Float)
            throw new QuantizationException(
                QuantizationFailure.InvalidModel, $"'{_names[index]}' is {info.ElementDataType}, and only float values are calibrated.");
        visit(index, info.ElementCount == 0 ? [] : value.GetTensorDataAsSpan<float>(), info.Shape);
    }
}
