using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// What a run taught about the outputs of one lane shape: their types and shapes, so that memory can be bound for them from then on. What a
/// model declares is not relied on.
/// </summary>
internal sealed class OutputPlan
{
    private OutputPlan(PlannedOutput[] outputs) => Outputs = outputs;

    public PlannedOutput[] Outputs { get; }

    /// <summary>Learns from the values of a run of all outputs; null where memory cannot be bound: no tensors, strings, or no place for rows.</summary>
    public static OutputPlan? Learn(ModelSignature signature, IReadOnlyCollection<OrtValue> values, int rows)
    {
        var outputs = new PlannedOutput[values.Count];
        var index = 0;
        foreach (var value in values)
        {
            if (value.OnnxType != OnnxValueType.ONNX_TYPE_TENSOR) return null;
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

            outputs[index++] = new(type, shape, axis);
        }

        return new(outputs);
    }
}
