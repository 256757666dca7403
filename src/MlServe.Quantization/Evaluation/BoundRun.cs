using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>A sample bound to a session once, so that a run costs nothing but itself.</summary>
internal sealed class BoundRun : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();

    public BoundRun(GraphSession session, EncodedSample sample)
    {
        _session = session.Session;
        _binding = _session.CreateIoBinding();
        foreach (var (name, value) in sample.Values)
            _binding.BindInput(name, value);
        foreach (var name in session.OutputNames)
            _binding.BindOutputToDevice(name, OrtMemoryInfo.DefaultInstance);
    }

    public void Run(int times)
    {
        for (var i = 0; i < times; i++)
            _session.RunWithBinding(_options, _binding);
    }

    public void Dispose()
    {
        _binding.Dispose();
        _options.Dispose();
    }
}
