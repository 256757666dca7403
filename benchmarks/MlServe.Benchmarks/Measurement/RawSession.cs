using Microsoft.ML.OnnxRuntime;

namespace MlServe.Benchmarks.Measurement;

/// <summary>ONNX Runtime by itself, in its cheapest way: one thread, pinned memory bound once.</summary>
internal sealed class RawSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly float[] _input;
    private readonly float[] _output;
    private readonly OrtValue _inputValue;
    private readonly OrtValue _outputValue;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();

    public RawSession(byte[] model, string input, long[] inputShape, string output, long[] outputShape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        _session = new(model, options);
        _input = GC.AllocateArray<float>((int)Count(inputShape), pinned: true);
        _output = GC.AllocateArray<float>((int)Count(outputShape), pinned: true);
        _inputValue = OrtValue.CreateTensorValueFromMemory(_input, inputShape);
        _outputValue = OrtValue.CreateTensorValueFromMemory(_output, outputShape);
        _binding = _session.CreateIoBinding();
        _binding.BindInput(input, _inputValue);
        _binding.BindOutput(output, _outputValue);
    }

    public void Run(int calls, float[] row, float[] answer)
    {
        for (var i = 0; i < calls; i++)
        {
            row.CopyTo(_input.AsSpan());
            _session.RunWithBinding(_options, _binding);
            _output.AsSpan().CopyTo(answer);
        }
    }

    public void Dispose()
    {
        _binding.Dispose();
        _inputValue.Dispose();
        _outputValue.Dispose();
        _options.Dispose();
        _session.Dispose();
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, static (product, size) => product * size);
}
