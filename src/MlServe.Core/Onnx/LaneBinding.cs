using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>A lane's memory bound to a session for one number of rows and one selection of outputs: made once, run often, without an allocation.</summary>
internal sealed class LaneBinding : IDisposable
{
    private readonly List<OrtValue> _values = [];

    public LaneBinding(InferenceSession session, LaneInput[] inputs, OutputPlan plan, AlignedBuffer[] memory, OutputSelection outputs, int rows)
    {
        Rows = rows;
        Outputs = outputs;
        Binding = session.CreateIoBinding();
        try
        {
            foreach (var input in inputs)
                Binding.BindInput(input.Name, Keep(input.Bind(rows)));

            foreach (var index in outputs.Indexes)
            {
                var output = plan.Outputs[index];
                Binding.BindOutput(outputs.Signature.Outputs[index].Name, Keep(OrtValue.CreateTensorValueWithData(
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

    public OutputSelection Outputs { get; }

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
