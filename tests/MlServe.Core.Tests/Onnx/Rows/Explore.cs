using System.IO.Compression;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Probing;
using MlServe.TestModels;
using Microsoft.ML.OnnxRuntime;
using Xunit;

namespace MlServe.Onnx.Rows;

public sealed class Explore(ITestOutputHelper output)
{
    [Fact]
    public void All()
    {
        foreach (var file in Directory.GetFiles(SharedData.PathOf("models"), "*.onnx", SearchOption.AllDirectories).Concat(Directory.GetFiles(SharedData.PathOf("regressions"), "*.onnx")).Order())
            Try(Path.GetFileName(Path.GetDirectoryName(file)) + "/" + Path.GetFileName(file), File.ReadAllBytes(file));
        foreach (var file in Directory.GetFiles(Path.Combine(SharedData.PathOf("models"), "ort-types"), "*.pb"))
            Try(Path.GetFileName(file), File.ReadAllBytes(file));
        foreach (var file in Directory.GetFiles("/work/w-proof/samples/assets", "*.onnx"))
            Try(Path.GetFileName(file), File.ReadAllBytes(file));
        Try("encoder", EncoderModel.Create(1, 2, 32, 4));
        Try("lstm", LstmModel.Create(1, 8, 8));
        Try("resnet", ResNetModel.Create(1, 32, 4, 10));
        Try("mlp", OnnxModel.Mlp(1, 4, 8, 3));
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        foreach (var entry in zip.Entries.Where(static e => e.FullName.StartsWith("light/", StringComparison.Ordinal) && e.FullName.EndsWith(".onnx", StringComparison.Ordinal)))
        {
            using var c = new MemoryStream();
            using (var s = entry.Open()) s.CopyTo(c);
            Try(entry.FullName, c.ToArray());
        }
    }

    private void Try(string name, byte[] model)
    {
        try
        {
            using var session = new InferenceSession(model);
            var declared = SignatureReader.Read(session, OnnxInspector.Inspect(model));
            var graph = OnnxGraph.Read(model);
            var trials = BatchAxisTrials.For(declared);
            if (trials.Count == 0) output.WriteLine($"{name}: no trial");
            foreach (var trial in trials)
            {
                var proof = RowFlow.Follow(graph, trial);
                output.WriteLine($"{name} [{string.Join(",", trial.Select(static a => a?.ToString() ?? "-"))}]: {proof.Verdict} {proof.Node} | {proof.Reason} | [{string.Join(",", proof.OutputAxes.Select(static a => a?.ToString() ?? "-"))}]");
            }
        }
        catch (Exception e)
        {
            output.WriteLine($"{name}: {e.GetType().Name} {e.Message}\n{e.StackTrace}");
        }
    }
}

public sealed class Dump(ITestOutputHelper output)
{
    [Fact]
    public void One()
    {
        var path = Environment.GetEnvironmentVariable("DUMP");
        if (path is null) return;
        var graph = OnnxGraph.Read(File.ReadAllBytes(path));
        Print(graph.Main, "");
        foreach (var f in graph.Functions) { output.WriteLine($"function {f.Domain}.{f.Name}"); Print(f.Body, "  "); }
    }

    private void Print(GraphBody body, string indent)
    {
        output.WriteLine($"{indent}in {string.Join(", ", body.Inputs.Select(static i => i.Name + ":" + i.Type))}");
        foreach (var (n, t) in body.Initializers) output.WriteLine($"{indent}init {n} {t.ElementType}[{string.Join(",", t.Dims)}] {(t.Integers is { Length: < 10 } v ? string.Join(",", v) : "")}");
        foreach (var node in body.Nodes)
        {
            output.WriteLine($"{indent}N {node.OpType} '{node.Name}' ({string.Join(", ", node.Inputs)}) -> ({string.Join(", ", node.Outputs)}) {string.Join(" ", node.Attributes.Select(static a => $"{a.Name}={a.Kind switch { GraphAttributeKind.Int => a.Int.ToString(System.Globalization.CultureInfo.InvariantCulture), GraphAttributeKind.Ints => "[" + string.Join(",", a.Ints!) + "]", GraphAttributeKind.Tensor => $"T[{string.Join(",", a.Tensor!.Dims)}]({(a.Tensor.Integers is { Length: < 10 } v ? string.Join(",", v) : "")})", GraphAttributeKind.Text => a.Text, _ => a.Kind.ToString() }}"))}");
            foreach (var b in node.Attributes.SelectMany(static a => a.Bodies)) Print(b, indent + "    ");
        }
        output.WriteLine($"{indent}out {string.Join(", ", body.Outputs.Select(static i => i.Name + ":" + i.Type))}");
    }
}
