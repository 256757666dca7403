using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Cli.Samples;

/// <summary>What a model declares of its inputs, as far as samples have to know.</summary>
internal sealed class SampleModel
{
    private SampleModel(string path, IReadOnlyList<OnnxValueInfo> inputs)
    {
        Path = path;
        Inputs = inputs;
    }

    public string Path { get; }

    /// <summary>The inputs without a default, in the model's order.</summary>
    public IReadOnlyList<OnnxValueInfo> Inputs { get; }

    public static async Task<SampleModel> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var content = await ModelSource.FromFile(path).ReadAsync(cancellationToken);
        return new(path, [.. OnnxInspector.Inspect(content.Bytes.Span).Inputs.Where(static input => !input.HasDefault)]);
    }

    public OnnxValueInfo Sole(string why) => Inputs.Count == 1 ? Inputs[0] : throw new CliException(
        $"{why} is for a model with one input, and '{Path}' has {Inputs.Count}: {Names}. Name the input of each file: --samples NAME=FILE.npy.");

    public OnnxValueInfo Named(string name) => Inputs.FirstOrDefault(input => input.Name == name)
        ?? throw new CliException($"'{Path}' has no input '{name}'; it has {Names}.");

    private string Names => string.Join(", ", Inputs.Select(static input => $"'{input.Name}' {input.Type}"));
}
