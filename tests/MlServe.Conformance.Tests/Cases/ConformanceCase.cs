using MlServe.Onnx.Inspection;

namespace MlServe.Cases;

/// <summary>A model, what to give it and what must come out.</summary>
/// <param name="Suite">The folder it stands in.</param>
/// <param name="Name">Its name.</param>
/// <param name="RuntimeResult">What the runtime's own C# API makes of it: pass, load-error, run-error or mismatch.</param>
/// <param name="Model">The content of the ONNX file.</param>
/// <param name="InputFiles">Input k of the graph is in file k; empty where inputs follow a rule.</param>
/// <param name="OutputFiles">Output k of the graph is in file k.</param>
internal sealed record ConformanceCase(
    string Suite, string Name, string RuntimeResult, byte[] Model, IReadOnlyList<byte[]> InputFiles, IReadOnlyList<byte[]> OutputFiles)
{
    private const string InputsByRule = "light";

    /// <summary>Reads the inputs, in the order of the graph's.</summary>
    public IReadOnlyList<(string Name, CaseValue Value)> ReadInputs(OnnxModelInfo info)
    {
        if (Suite == InputsByRule)
            return [.. info.Inputs.Where(static input => !input.HasDefault).Select(static input => (input.Name, (CaseValue)Ramp(input)))];
        return [.. InputFiles.Select((file, i) => (info.Inputs[i].Name, CaseReader.Read(file, info.Inputs[i].Type.Kind)))];
    }

    /// <summary>Reads what is expected, in the order of the graph's outputs.</summary>
    public IReadOnlyList<CaseValue> ReadOutputs(OnnxModelInfo info) =>
        [.. OutputFiles.Select((file, i) => CaseReader.Read(file, info.Outputs[i].Type.Kind))];

    /// <summary>As the ONNX project's runner makes inputs for its light models: arange(n) / n.</summary>
    private static CaseTensor<float> Ramp(OnnxValueInfo input)
    {
        long[] shape = [.. input.Type.Dimensions!.Select(static size => size.Size ?? 1)];
        var values = new float[shape.Aggregate(1L, static (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)i / values.Length;
        return new CaseTensor<float>(values, shape);
    }
}
