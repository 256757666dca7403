using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// The types and shapes of the outputs of one lane shape, as a run has shown them. With them, memory can be bound for the outputs from then
/// on. The model's declarations are not relied on.
/// </summary>
internal sealed class OutputPlan
{
    private OutputPlan(PlannedOutput[] outputs) => Outputs = outputs;

    public PlannedOutput[] Outputs { get; }

    /// <summary>The bytes of all outputs that have memory of their own.</summary>
    public long Bytes(int rows) => Outputs.Sum(output => output.Input < 0 ? (long)output.Bytes(rows) : 0);

    /// <summary>Whether values are what the plan foresees of a run of so many rows.</summary>
    public bool Foresees(IReadOnlyList<OrtValue?> values, int rows)
    {
        for (var i = 0; i < Outputs.Length; i++)
        {
            if (values[i] is not { OnnxType: OnnxValueType.ONNX_TYPE_TENSOR } value) return false;
            var info = value.GetTensorTypeAndShape();
            if (OrtTypes.FromOrt(info.ElementDataType) != Outputs[i].Type || !info.Shape.AsSpan().SequenceEqual(Outputs[i].ShapeOf(rows)))
                return false;
        }

        return true;
    }

    /// <summary>
    /// Learns from the values of a run of all outputs; null if memory cannot be bound: no tensors, strings, or no place for rows.
    /// </summary>
    /// <param name="signature">The model's signature.</param>
    /// <param name="inputs">The inputs that are there, one entry for each of the signature.</param>
    /// <param name="values">The outputs of the run.</param>
    /// <param name="rows">Its rows.</param>
    public static OutputPlan? Learn(ModelSignature signature, LaneInput?[] inputs, IReadOnlyList<OrtValue?> values, int rows)
    {
        var outputs = new PlannedOutput[values.Count];
        for (var index = 0; index < outputs.Length; index++)
        {
            if (values[index] is not { OnnxType: OnnxValueType.ONNX_TYPE_TENSOR } value) return null;
            var info = value.GetTensorTypeAndShape();
            var type = OrtTypes.FromOrt(info.ElementDataType);
            if (ElementTypes.SizeOf(type) == 0) return null;

            var shape = info.Shape;
            var axis = -1;
            if (signature.IsBatchable)
            {
                axis = signature.Outputs[index].BatchAxis!.Value;
                if (axis >= shape.Length || shape[axis] != rows) return null;
            }

            var input = signature.IndexOfInput(signature.Outputs[index].Name);
            if (input >= 0 && inputs[input] is null) input = -1; // Its default is a constant, which is copied like any other.
            if (input >= 0 && (signature.Inputs[input].ElementType != type || (signature.Inputs[input].BatchAxis ?? -1) != axis))
                return null;
            outputs[index] = new(type, shape, axis, input);
        }

        return Array.TrueForAll(outputs, static output => output.Input >= 0) ? null : new(outputs);
    }
}
