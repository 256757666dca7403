using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>A lane's memory bound to a session for one number of rows: made once, run often, without an allocation.</summary>
internal sealed class LaneBinding : IDisposable
{
    private readonly List<OrtValue> _values = [];

    public LaneBinding(InferenceSession session, IEnumerable<LaneInput> inputs, ModelSignature signature, OutputPlan plan, AlignedBuffer[] memory, int rows)
    {
        Rows = rows;
        Binding = session.CreateIoBinding();
        try
        {
            foreach (var input in inputs)
                Binding.BindInput(input.Name, Keep(input.Bind(rows)));

            for (var index = 0; index < plan.Outputs.Length; index++)
            {
                var output = plan.Outputs[index];
                if (output.Input >= 0) continue;
                Binding.BindOutput(signature.Outputs[index].Name, Keep(OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, OrtTypes.ToOrt(output.Type), output.ShapeOf(rows), memory[index].Address, output.Bytes(rows))));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Rows { get; }

    public OrtIoBinding Binding { get; }

    public void Dispose()
    {
        Binding.Dispose();
        foreach (var value in _values)
            value.Dispose();
    }

    private OrtValue Keep(OrtValue value)
    {
        _values.Add(value);
        return value;
    }
}
