using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>A lane's memory bound to a session for one number of rows: made once, run often, without an allocation.</summary>
internal sealed class LaneBinding : IDisposable
{
    // No bool, and no number that a model is likely to end with; one that does costs a run more, and the answer is right.
    private const ulong Mark = 0xA5A5_A5A5_A5A5_A5A5;

    private readonly List<OrtValue> _values = [];
    private readonly List<(nint Address, ulong Mask)> _ends = [];

    public LaneBinding(
        InferenceSession session, IEnumerable<LaneInput> inputs, ModelSignature signature, OutputPlan plan, AlignedBuffer[] memory,
        int rows)
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
                    OrtMemoryInfo.DefaultInstance, OrtTypes.ToOrt(output.Type), output.ShapeOf(rows), memory[index].Address,
                    output.Bytes(rows))));
                AddEnd(memory[index].Address, output.Bytes(rows));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Rows { get; }

    /// <summary>Marks the end of each output, so that it can be told whether the runtime has written it.</summary>
    public unsafe void MarkEnds()
    {
        foreach (var (address, _) in CollectionsMarshal.AsSpan(_ends))
            Unsafe.WriteUnaligned((void*)address, Mark);
    }

    /// <summary>Whether all outputs were written since they were marked.</summary>
    public unsafe bool AreEndsWritten()
    {
        foreach (var (address, mask) in CollectionsMarshal.AsSpan(_ends))
        {
            if ((Unsafe.ReadUnaligned<ulong>((void*)address) & mask) == (Mark & mask)) return false;
        }

        return true;
    }

    public OrtIoBinding Binding { get; }

    public void Dispose()
    {
        Binding.Dispose();
        foreach (var value in _values)
            value.Dispose();
    }

    /// <summary>
    /// The last word of an output; of a shorter one the bytes that it has, in the order of the machines that the runtime supports.
    /// </summary>
    private void AddEnd(nint address, int bytes)
    {
        if (bytes >= sizeof(ulong)) _ends.Add((address + bytes - sizeof(ulong), ulong.MaxValue));
        else if (bytes > 0) _ends.Add((address, (1UL << (8 * bytes)) - 1));
    }

    private OrtValue Keep(OrtValue value)
    {
        _values.Add(value);
        return value;
    }
}
