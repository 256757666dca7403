using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// A lane's memory for the outputs that a plan foresees, and the session's bindings over it. The end of each output is marked before a run.
/// If the mark is still there, the runtime has written elsewhere or nowhere, and the memory holds an earlier answer.
/// </summary>
internal sealed class LaneOutputs : IDisposable
{
    /// <summary>Bindings are kept by number of rows up to this capacity; a larger lane keeps the last one.</summary>
    private const int MaxKeptBindings = 1024;

    // Measured: what the runtime keeps for a binding, and for each value in it.
    private const int BindingBytes = 2048;
    private const int ValueBytes = 512;

    private readonly OnnxExecutor _executor;
    private readonly InferenceSession _session;
    private readonly LaneInput?[] _inputs;
    private readonly AlignedBuffer[] _memory;
    private readonly LaneBinding?[] _bindings;

    private readonly int _bytesPerBinding;
    private int _made;

    /// <summary>Makes the memory, which is counted already, with one binding.</summary>
    public LaneOutputs(OnnxExecutor executor, InferenceSession session, LaneInput?[] inputs, OutputPlan plan, int capacity)
    {
        _executor = executor;
        _session = session;
        _inputs = inputs;
        Plan = plan;
        Bytes = plan.Bytes(capacity);
        _memory = [.. plan.Outputs.Select(output => output.Input < 0
            ? new AlignedBuffer(output.Bytes(capacity))
            : inputs[output.Input]!.Buffer!)];
        _bytesPerBinding = BytesOfBinding(inputs, plan);
        _bindings = new LaneBinding?[capacity <= MaxKeptBindings ? capacity + 1 : 1];
    }

    public OutputPlan Plan { get; }

    /// <summary>The bytes of the memory, without that of inputs.</summary>
    public long Bytes { get; }

    /// <summary>The bytes that a run of so many rows has left, or will write, for an output.</summary>
    public Span<byte> MemoryOf(int output, int rows) => _memory[output].Span[..Plan.Outputs[output].Bytes(rows)];

    /// <summary>Runs; false if an output was not written.</summary>
    public bool Run(RunOptions options, int rows)
    {
        var binding = BindingFor(rows);
        binding.MarkEnds();
        _session.RunWithBinding(options, binding.Binding);
        return binding.AreEndsWritten();
    }

    /// <summary>Runs without a look at the bytes that are written.</summary>
    public void RunUnmarked(RunOptions options, int rows) => _session.RunWithBinding(options, BindingFor(rows).Binding);

    /// <summary>The runtime's own values after a run, of the outputs that are bound. The caller disposes them.</summary>
    public IDisposableReadOnlyCollection<OrtValue> ValuesOf(int rows) => BindingFor(rows).Binding.GetOutputValues();

    /// <summary>The bytes that the lane has to take for the memory and one binding.</summary>
    public static long BytesToTake(LaneInput?[] inputs, OutputPlan plan, int capacity) =>
        plan.Bytes(capacity) + BytesOfBinding(inputs, plan);

    /// <summary>Frees the bindings, and gives back the bytes that were taken for all but the first.</summary>
    public void Dispose()
    {
        foreach (var binding in _bindings)
            binding?.Dispose();
        Array.Clear(_bindings);
        _executor.Give((long)Math.Max(0, _made - 1) * _bytesPerBinding);
        _made = 0;
    }

    private static int BytesOfBinding(LaneInput?[] inputs, OutputPlan plan) =>
        BindingBytes + ((inputs.Length + plan.Outputs.Length) * ValueBytes);

    private LaneBinding BindingFor(int rows)
    {
        ref var slot = ref _bindings[rows < _bindings.Length ? rows : 0];
        if (slot is not null && slot.Rows == rows) return slot;
        if (slot is null)
        {
            if (_made > 0 && !_executor.TryTake(_bytesPerBinding)) Dispose();
            _made++;
        }

        slot?.Dispose();
        slot = null;
        return slot = new(_session, _inputs.OfType<LaneInput>(), _executor.Signature, Plan, _memory, rows);
    }
}
